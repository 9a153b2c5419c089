# SPDX-License-Identifier: BSD-2-Clause
# Traffic of every kind at once for as long as one likes, with the cable pulled now and then. Nothing is lost from the
# pools, no drop goes uncounted, no memory grows.
# machine: pair
# seconds: 90
# long: 900

# What the program touches is wanted. Where the kernel gives 2 MiB for the stack of a thread, which has 20 KiB in use, the
# figure jumps when it happens to do so.
echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
length=25
[ -z "$LONG" ] || length=600

ns_up 1500
for ns in left right; do
	ip -n $ns link add link wire name wire.42 type vlan id 42
	ip -n $ns link set wire.42 up
done
ip -n left address add 10.42.0.1/24 dev wire.42
ip -n right address add 10.42.0.2/24 dev wire.42
fwd_start
[ -p /tmp/never ] || mkfifo /tmp/never
left nc -l -p 5001 0<>/tmp/never >/dev/null &
right nc -l -p 5001 0<>/tmp/never >/dev/null &
wait_for 5 "both ends listen" both_listen
left nc 10.0.0.2 5001 </dev/zero >/dev/null 2>&1 &
right nc 10.42.0.1 5001 </dev/zero >/dev/null 2>&1 &

memory_kib()
{
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$FWD/status"
}

wait_for 10 "packets arrive" arriving right
memory=$(memory_kib)
start=$(now)
round=0
while [ $(($(now) - start)) -lt $length ]; do
	round=$((round + 1))
	sleep 4
	if [ $((round % 4)) = 0 ]; then
		host hmp set_link v1 off
		sleep 0.5
		host hmp set_link v1 on
	fi
	wait_for 15 "round $round: packets arrive on the right" arriving right
	wait_for 15 "round $round: packets arrive on the left" arriving left
done
grown=$(($(memory_kib) - memory))
is "KiB that vireo-fwd grew by" $grown -lt 1024
fwd_stop
lost=$(fwd_json '[.ports[].drops // {} | .rx_no_buffer, .rx_invalid, .tx_invalid | . // 0] | add')
is "packets lost inside" "$lost" -eq 0
summary "$length s, $(fwd_json '[.ports[].rx_packets] | add') packets forwarded, $lost lost inside, $grown KiB grown"
