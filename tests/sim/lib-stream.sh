# SPDX-License-Identifier: BSD-2-Clause
# A stream of numbered packets of vireo-pktgen through a back end and back, which is killed in the middle and started again.

# One transmit and one receive ring of 256, and what a back end has in hand.
IN_FLIGHT=$((256 + 256 + 64))

# stream_start PORT [OPTION...]: vireo-pktgen, which sends and verifies; its id is $PKTGEN.
stream_start()
{
	local port=$1
	shift
	start pktgen "$VIREO_PKTGEN" -v --rate ${STREAM_RATE:-2k} --duration 90s --verify --allow-loss $IN_FLIGHT --json=pktgen.json "$@" "$port"
	PKTGEN=$STARTED
}

# verified: how many packets pktgen has checked so far.
verified()
{
	kill -0 "$PKTGEN" 2>/dev/null || { cat pktgen.err; fail "vireo-pktgen ended"; }
	sed -n 's/^verified \([0-9]*\),.*/\1/p' pktgen.out | tail -n 1
}

more_than()
{
	local n
	n=$(verified)
	[ "${n:-0}" -gt "$1" ]
}

# stream_end: what the stream has to say for itself.
stream_end()
{
	local rc=0
	stop "$PKTGEN" INT || rc=$?
	is "exit code of vireo-pktgen, which verified" "$rc" 0
	jq -c '{tx: [.tx[].packets], verify: (.verify | del(.latency_ns)), recoveries: [.ports[].recoveries]}' pktgen.json
	is "recoveries" "$(jq .ports[0].recoveries pktgen.json)" 1
	is "came twice" "$(jq .verify.duplicated pktgen.json)" 0
	is "came in another order" "$(jq .verify.reordered pktgen.json)" 0
	is "damaged" "$(jq .verify.corrupted pktgen.json)" 0
	at_least "received" "$(jq .verify.received pktgen.json)" 1000
	at_least "lost no more than was in flight, room left" "$((IN_FLIGHT - $(jq .verify.lost pktgen.json)))" 0
	echo "figure: $1 $(jq .verify.lost pktgen.json) lost of $(jq '[.tx[].packets] | add' pktgen.json)"
}
