# SPDX-License-Identifier: BSD-2-Clause
# 64 MiB of TCP each way, both ways at once, arrive unchanged.
# machine: pair
# seconds: 240

ns_up 1500
fwd_start
tcp_both_ways 64
fwd_stop
is "bytes from the left" "$(fwd_json '.ports[0].rx_bytes')" -gt $((64 << 20))
is "bytes from the right" "$(fwd_json '.ports[1].rx_bytes')" -gt $((64 << 20))
