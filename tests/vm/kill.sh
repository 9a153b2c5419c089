# SPDX-License-Identifier: BSD-2-Clause
# vireo-fwd dies under load, twenty times, and the next one starts as if nothing had been. Nothing is left behind.
# machine: pair
# seconds: 240

ns_up 1500
free=$(sed -n 's/^HugePages_Free: *//p' /proc/meminfo)
load_start
for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	fwd_start
	wait_for 5 "round $round: packets arrive on the right" arriving right
	wait_for 5 "round $round: packets arrive on the left" arriving left
	kill -KILL $FWD
	program_ends $FWD 10 137
	echo "round $round: killed under load"
done
wait_for 5 "the hugepages are back" [ "$(sed -n 's/^HugePages_Free: *//p' /proc/meminfo)" = "$free" ]
load_stop
fwd_start
check "the next one forwards" left ping -c 3 -W 20 10.0.0.2
fwd_stop
