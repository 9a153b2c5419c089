# SPDX-License-Identifier: BSD-2-Clause
# A forwarder between two containers, while arenas are added and taken away under load.
# machine: pair
# seconds: 150

ns_up 1500
$AS_USER vmtest-containers "$A" "$B" >/tmp/containers.out 2>&1 &
program=$!
wait_for 20 "the program is ready: $(cat /tmp/containers.out)" grep -q ready /tmp/containers.out
tcp_both_ways 4
check "it still runs" kill -0 $program
left ping -c 20 -i 0.1 -W 20 10.0.0.2 | tee /tmp/ping.out
check "no packet is lost" grep -q '20 packets transmitted, 20 packets received' /tmp/ping.out
kill -TERM $program
program_ends $program 40 0
tail -n 3 /tmp/containers.out
