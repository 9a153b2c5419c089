# SPDX-License-Identifier: BSD-2-Clause
# A 9000-byte packet is received whole or dropped whole and counted, whatever the size of the burst.
# machine: pair
# seconds: 180

ns_up 9000
ip -n left neigh replace 10.0.0.2 lladdr 52:54:00:00:00:11 dev wire

# receive BUF_SIZE BURST: twenty packets of 9000 bytes; the program's summary is in $whole, $short and $elements.
receive()
{
	$AS_USER vmtest-jumbo "$A" "$1" "$2" 20 9014 >/tmp/jumbo.out 2>&1 &
	program=$!
	wait_for 20 "the program is ready: $(cat /tmp/jumbo.out)" grep -q ready /tmp/jumbo.out
	left ping -c 20 -i 0.05 -s 8972 -W 1 10.0.0.2 >/dev/null || true # nobody answers
	program_ends $program 40 0
	cat /tmp/jumbo.out
	eval "$(grep ^whole= /tmp/jumbo.out)"
}

# 9014 bytes are five elements of 2048.
for burst in 1 2 4; do
	receive 2048 $burst
	is "burst $burst, buffers of 2048: whole" "$whole" -eq 0
	is "burst $burst, buffers of 2048: dropped for a short burst" "$short" -eq 20
done
for burst in 5 32; do
	receive 2048 $burst
	is "burst $burst, buffers of 2048: whole" "$whole" -eq 20
	is "burst $burst, buffers of 2048: elements" "$elements" -eq 5
done
for burst in 1 2 4; do
	receive 9300 $burst
	is "burst $burst, buffers of 9300: whole" "$whole" -eq 20
	is "burst $burst, buffers of 9300: elements" "$elements" -eq 1
done
