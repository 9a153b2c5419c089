# SPDX-License-Identifier: BSD-2-Clause
# A program of examples/, built outside the tree against the installed library, forwards packets.
# machine: pair
# seconds: 60

ns_up 9000
example=$(command -v example-jumbo || true)
[ -n "$example" ] || fail "no example was built for the machine"
$AS_USER "$example" "$A" "$B" >/tmp/example.out 2>&1 &
FWD=$!
wait_for 20 "the example is up: $(cat /tmp/example.out)" fwd_ready
left ping -c 10 -i 0.1 -s 8972 -W 20 10.0.0.2 | tee /tmp/ping.out
check "no packet is lost" grep -q '10 packets transmitted, 10 packets received, 0% packet loss' /tmp/ping.out
kill -TERM $FWD
program_ends $FWD 10 0
