# SPDX-License-Identifier: BSD-2-Clause
# vireo-pktgen sends over a cable into another process, which verifies: none arrives damaged, twice or out of order, and each that
# is missing was counted by the cable or by the card, also those that came when nobody listened any more. Nobody holds the sender
# back, as nobody does on a real one.
# seconds: 120

COUNT=20000

# run CABLE-OPTIONS
run()
{
	local receiver missed
	sim_start "a.sock=cable:x$1" b.sock=cable:x
	start rx "$VIREO_PKTGEN" --json=rx.json --rx vfio-user:b.sock --verify --allow-loss 100% --count $COUNT --duration 60s
	receiver=$STARTED
	wait_for 20 grep -q 'link up' rx.out
	as_user "$VIREO_PKTGEN" --json=tx.json --count $COUNT --rate 10k --size imix vfio-user:a.sock >tx.out ||
		fail "the sender ended with exit code $?"
	# All that will come has come when the cable is empty, or the receiver has counted all and ended.
	sleep 1
	stop "$receiver" || fail "the receiver ended with exit code $?: $(cat rx.err)"
	sim_stop >/dev/null
	is "sent" "$(json tx.json '.ports[0].tx_packets')" $COUNT
	missed=$(($(json rx.json '[.ports[0].drops[]] | add') + $(sim_counter port1 rx_deaf)))
	LOST=$(($(sim_counter port0 wire_out_lost_full) + $(sim_counter port0 wire_out_lost_unplugged)))
	[ -z "$1" ] || LOST=$((LOST + $(sim_counter port0 wire_out_lost_chance)))
	is "arrived, missed by the card and lost by the cable" \
		"$(($(json rx.json '.ports[0].rx_packets') + missed + LOST))" $COUNT
}

run ""
run ,loss=2%,side=out,seed=5
# Of 20000, give or take five standard deviations.
at_least "lost by the cable" "$LOST" 300
