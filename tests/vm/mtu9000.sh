# SPDX-License-Identifier: BSD-2-Clause
# Packets of 9000 bytes pass whole, in both directions.
# machine: pair
# seconds: 120

ns_up 9000
fwd_start --mtu 9000
before=$(wire_count right rx_packets)
left ping -c 10 -i 0.1 -s 8972 -W 20 10.0.0.2 | tee /tmp/ping.out
check "no packet is lost" grep -q '10 packets transmitted, 10 packets received, 0% packet loss' /tmp/ping.out
# An ARP packet may be among them, fragments (seven for each) may not.
is "frames for ten packets" $(($(wire_count right rx_packets) - before)) -le 12
tcp_both_ways 16
fwd_stop
is "mean frame length" "$(fwd_json '.ports[0] | (.rx_bytes / .rx_packets) | floor')" -gt 2000
