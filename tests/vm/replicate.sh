# SPDX-License-Identifier: BSD-2-Clause
# 1-to-8 replication over two pools and two threads loses and leaks nothing.
# machine: pair
# seconds: 120

ns_up 1500
left_before=$(wire_count left rx_packets)
right_before=$(wire_count right rx_packets)
check "replicates" as_user vmtest-replicate "$A" "$B" 10000
is "packets that arrived on the left" $(($(wire_count left rx_packets) - left_before)) -eq 40000
is "packets that arrived on the right" $(($(wire_count right rx_packets) - right_before)) -eq 40000
