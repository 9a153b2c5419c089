# SPDX-License-Identifier: BSD-2-Clause
# The cable is pulled and plugged in again, under load, several times.
# machine: pair
# seconds: 90

ns_up 1500
fwd_start
load_start
wait_for 5 "packets arrive" arriving right
not_arriving()
{
	! arriving "$1"
}
for round in 1 2 3; do
	host hmp set_link v0 off
	wait_for 10 "round $round: the line is dead" not_arriving right
	check "vireo-fwd lives" [ -d "/proc/$FWD" ]
	host hmp set_link v0 on
	wait_for 10 "round $round: packets arrive again" arriving right
done
load_stop
check "all is well" left ping -c 3 -W 20 10.0.0.2
fwd_stop
check "vireo-fwd told of it" grep -Eiq "link.*down" /tmp/fwd.out
check "both ways" grep -Eiq "link.*up" /tmp/fwd.out
