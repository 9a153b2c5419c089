# SPDX-License-Identifier: BSD-2-Clause
# Frames with a VLAN tag pass with it, also the largest ones.
# machine: pair
# seconds: 60

ns_up 1500
for ns in left right; do
	ip -n $ns link add link wire name wire.42 type vlan id 42
	ip -n $ns link set wire.42 up
done
ip -n left address add 10.42.0.1/24 dev wire.42
ip -n right address add 10.42.0.2/24 dev wire.42
fwd_start
# What arrives at the far end, seen before the kernel takes the tag off.
dump_start right -c 10 -n -e -Q in 'vlan 42 and icmp'
left ping -c 10 -i 0.1 -s 1472 -W 20 10.42.0.2 | tee /tmp/ping.out
check "no packet is lost" grep -q '10 packets transmitted, 10 packets received, 0% packet loss' /tmp/ping.out
wait_for 5 "tcpdump has seen them" not_running $DUMP
head -n 2 /tmp/dump.out
is "tagged frames on the far wire" "$(grep -c 'vlan 42' /tmp/dump.out)" -eq 10
fwd_stop
