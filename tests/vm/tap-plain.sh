# SPDX-License-Identifier: BSD-2-Clause
# Without --csum and --lro the same stacks must complete everything themselves: no unfinished packet may come in.
# machine: tap
# seconds: 240

host taps_up 1500
fwd_start
host taps_ping 10 1472
host taps_tcp 16
fwd_stop
is "longest mean frame" "$(fwd_json '[.ports[] | .rx_bytes / .rx_packets] | max | floor')" -le 1514
