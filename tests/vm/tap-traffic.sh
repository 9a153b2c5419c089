# SPDX-License-Identifier: BSD-2-Clause
# The stacks of the host leave checksums to the card and hand over packets of up to 64 KiB. They pass through vireo-fwd as
# they are, and are completed by it when the far side cannot take them.
# machine: tap
# seconds: 240

host taps_up 1500
fwd_start --csum --lro
host taps_ping 10 1472
packets=$(host taps_count right rx_packets)
bytes=$(host taps_count right rx_bytes)
host taps_tcp 64
packets=$(($(host taps_count right rx_packets) - packets))
bytes=$(($(host taps_count right rx_bytes) - bytes))
fwd_stop
is "bytes that the right end received" "$bytes" -gt $((64 << 20))
# Without segmentation offload no frame is longer than 1514 bytes.
is "mean length of a packet there" $((bytes / packets)) -gt 2000
is "mean length of a packet in vireo-fwd" "$(fwd_json '.ports[0] | (.rx_bytes / .rx_packets) | floor')" -gt 2000
is "drops" "$(fwd_json '[.ports[].drops // {} | .[]] | add // 0')" -eq 0
