# SPDX-License-Identifier: BSD-2-Clause
# Five packets sent and nothing after give five buffers back.
# machine: pair
# seconds: 60

ns_up 1500
before=$(wire_count left rx_packets)
check "five packets, five buffers" as_user vmtest-five "$A"
is "packets that arrived" $(($(wire_count left rx_packets) - before)) -eq 15
