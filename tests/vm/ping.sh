# SPDX-License-Identifier: BSD-2-Clause
# Packets of the kernel's stack pass through vireo-fwd, which is an ordinary user without any capability.
# machine: pair
# seconds: 60

ns_up 1500
fwd_start
echo "who forwards:"
grep -E '^(Name|Uid|Gid|Groups|Cap...|NoNewPrivs):' "/proc/$FWD/status"
check "uid 1000" grep -q '^Uid:[[:space:]]*1000[[:space:]]*1000[[:space:]]*1000[[:space:]]*1000$' "/proc/$FWD/status"
check "no capability" [ -z "$(sed -n 's/^Cap...://p' "/proc/$FWD/status" | tr -d '0\n\t ')" ]

left ping -c 30 -i 0.1 -W 20 10.0.0.2 | tee /tmp/ping.out
check "no packet is lost" grep -q '30 packets transmitted, 30 packets received, 0% packet loss' /tmp/ping.out
check "small and large" right ping -c 3 -s 1472 -W 20 10.0.0.1
fwd_stop
# An ARP exchange, 33 requests and 33 answers.
is "packets that came from the left" "$(fwd_json '.ports[0].rx_packets')" -ge 34
is "all of them left to the right" "$(fwd_json '.ports[1].tx_packets - .ports[0].rx_packets')" -eq 0
is "and the other way" "$(fwd_json '.ports[0].tx_packets - .ports[1].rx_packets')" -eq 0
is "drops" "$(fwd_json '[.ports[].drops // {} | .[]] | add // 0')" -eq 0
