# SPDX-License-Identifier: BSD-2-Clause
# The simulator: what one model thread can do by itself, and a forwarder on core 0 between a generator and a sink of one model
# thread on core 1, with Debian's dpdk-testpmd ("vireo-sim run") as the peer on the same model and wires, in turns.

# Flows, bad checksums and frames for somebody else are what the model is asked to count exactly.
SIM_FRAMES=size=64,flows=256,bad_l4=1%,foreign=1%
SIM_SECONDS=2
SIM_RING=512
SIM_BURST=32

bench_sim()
{
	need_packages "the peer of bench sim" "${PACKAGES_PEER[@]}"
	SIM_SAMPLES=$BUILD/sim.samples
	SIM_WORK=$BUILD/bench-sim
	rm -rf "$SIM_WORK"
	mkdir -p "$SIM_WORK"
	SIM_PEER="testpmd $(dpkg-query -W -f '${Version}' dpdk-dev)"
	bench_hugepages 160
	bench_sim_model
	if [ "$(nproc)" -lt 2 ]; then
		bench_skip sim "a forwarder and the model need a CPU each"
		bench_hugepages_restore
		return 0
	fi
	# shellcheck disable=SC2046
	step "build what turns MOVDIRI off" gcc -shared -fPIC -O2 -Wall -Wextra $(pkg-config --cflags libdpdk) -D_GNU_SOURCE \
		-o "$SIM_WORK/no_movdiri.so" "$TOP/bench/sim/no_movdiri.c"
	bench_sim_forward
	bench_hugepages_restore
}

# The model with the least client that there can be, on the same core and on one of its own.
bench_sim_model()
{
	local round op limit
	: >"$SIM_SAMPLES"
	for ((round = 1; round <= BENCH_ROUNDS; round++)); do
		bench_sim_model_once "$round" model ",sum" j
		bench_sim_model_once "$round" "model, RSS, VLAN" ",vlan=5" jo
	done
	for op in model "model, RSS, VLAN"; do
		limit=30
		[ "$op" = model ] || limit=15
		jq -c --arg op "$op" 'select(.op == $op)' "$SIM_SAMPLES" | bench_rows mpps |
			jq -c --argjson limit $limit '. + {at_least: $limit}' >>"$BENCH_OBJECTS"
	done
}

# bench_sim_model_once ROUND OP WIRE-OPTIONS HOW
bench_sim_model_once()
{
	local path how
	for path in one-core two-cores; do
		how=$4
		[ $path = one-core ] || how=${how}2
		"$BUILD/plain/bench/bench-sim-model" 1 "gen,$SIM_FRAMES$3" "$how" 2>>"$BUILD/logs/bench-sim.log" |
			jq -c --arg op "$2" --arg path $path --argjson round "$1" \
				'{what: "sim", path: $path, op: $op, batch: 64, round: $round} + .' >>"$SIM_SAMPLES" ||
			die "bench-sim-model failed; see $BUILD/logs/bench-sim.log"
	done
}

bench_sim_forward()
{
	bench_until_agreed "$SIM_SAMPLES" mpps vireo-fwd "io" bench_sim_round
	bench_rows mpps <"$SIM_SAMPLES" | bench_sim_busy >>"$BENCH_OBJECTS"
	bench_ratios mpps vireo-fwd "io" <"$SIM_SAMPLES" >"$SIM_WORK/mpps.ratio"
	bench_ratios tsc_per_pkt vireo-fwd "io" <"$SIM_SAMPLES" >"$SIM_WORK/cycles.ratio"
	# Where the model is the limit for both, what counts is how little of its core a program needs. It is, when both have moved
	# packets for less than half of the time, and waited for the model in the rest.
	if jq -e '.ratio < 1.2' "$SIM_WORK/mpps.ratio" >/dev/null && bench_sim_model_is_limit; then
		cat "$SIM_WORK/mpps.ratio" >>"$BENCH_OBJECTS"
		jq -c '. + {at_most: 0.7}' "$SIM_WORK/cycles.ratio" >>"$BENCH_OBJECTS"
	else
		jq -c '. + {at_least: 1.2}' "$SIM_WORK/mpps.ratio" >>"$BENCH_OBJECTS"
		cat "$SIM_WORK/cycles.ratio" >>"$BENCH_OBJECTS"
	fi
	bench_ratios mpps vireo-fwd "io, MOVDIRI" <"$SIM_SAMPLES" >>"$BENCH_OBJECTS"
}

bench_sim_model_is_limit()
{
	jq -se 'map(select(.op == "fwd") | .busy_percent) | length > 0 and max < 50' "$BENCH_OBJECTS" >/dev/null
}

# What part of a core's time the cycles are: of a processor whose time stamp counter ticks alike, bogomips are two for each million.
bench_sim_busy()
{
	local mhz
	mhz=$(sed -n 's/^bogomips[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
	jq -c --argjson mhz "${mhz:-0}" 'if .op == "fwd" and $mhz > 0 then
		. + {busy_percent: (.mpps * .tsc_per_pkt / $mhz * 2 * 100 | round)} else . end'
}

bench_sim_round()
{
	local mine
	mine=$(jq -nc --argjson round "$1" --argjson batch $SIM_BURST '{what: "sim", op: "fwd", batch: $batch, round: $round}')
	bench_sim_fwd | jq -c --argjson mine "$mine" '$mine + {path: "vireo-fwd"} + .' >>"$SIM_SAMPLES"
	LD_PRELOAD=$SIM_WORK/no_movdiri.so bench_sim_testpmd |
		jq -c --argjson mine "$mine" --arg peer "$SIM_PEER" '$mine + {path: "io", peer: $peer} + .' >>"$SIM_SAMPLES"
	grep -qw movdiri /proc/cpuinfo || return 0
	bench_sim_testpmd |
		jq -c --argjson mine "$mine" --arg peer "$SIM_PEER" '$mine + {path: "io, MOVDIRI", peer: $peer} + .' >>"$SIM_SAMPLES"
}

# bench_sim_fail CHILD SENTENCE: nothing stays behind.
bench_sim_fail()
{
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
	die "$2"
}

# {"mpps", "tsc_per_pkt"} of vireo-fwd, whose cards are served on sockets.
bench_sim_fwd()
{
	local sim i
	rm -f "$SIM_WORK"/port?.sock "$SIM_WORK"/fwd.json
	taskset -c 1 timeout 60 "$BUILD/plain/apps/sim/vireo-sim" -q -D "$SIM_WORK" "gen,$SIM_FRAMES" sink >"$SIM_WORK/sim.log" 2>&1 &
	sim=$!
	for ((i = 0; i < 200; i++)); do
		[ ! -S "$SIM_WORK/port1.sock" ] || break
		sleep 0.05
	done
	"$BUILD/plain/apps/fwd/vireo-fwd" -q --cycles --cores 0 --burst $SIM_BURST --page-size 2M -d ${SIM_SECONDS}s \
		--json="$SIM_WORK/fwd.json" "vfio-user:$SIM_WORK/port0.sock" "vfio-user:$SIM_WORK/port1.sock" >>"$SIM_WORK/sim.log" 2>&1 ||
		bench_sim_fail "$sim" "vireo-fwd failed: $(tail -n 1 "$SIM_WORK/sim.log")"
	kill "$sim"
	wait "$sim" || true
	jq -c '{mpps: (.ports[1].tx_packets / .duration_s / 1e6), tsc_per_pkt: .cycles_per_packet}' "$SIM_WORK/fwd.json"
}

# bench_sim_say CHILD COMMAND: to testpmd, until it prompts again; without a COMMAND until it does for the first time.
bench_sim_say()
{
	local i n=0
	[ -z "${2:-}" ] || n=$(grep -o 'testpmd>' "$SIM_WORK/pmd.out" | wc -l || true)
	[ -z "${2:-}" ] || echo "$2" >&8
	for ((i = 0; i < 600; i++)); do
		[ "$(grep -o 'testpmd>' "$SIM_WORK/pmd.out" | wc -l || true)" -le "$n" ] || return 0
		kill -0 "$1" 2>/dev/null || break
		sleep 0.05
	done
	bench_sim_fail "$1" "testpmd does not answer; see $SIM_WORK/pmd.out"
}

# The same of testpmd. Both of its threads are on core 0, where the one with the prompt sleeps.
bench_sim_testpmd()
{
	local pmd
	rm -f "$SIM_WORK/pmd.in"
	mkfifo "$SIM_WORK/pmd.in"
	: >"$SIM_WORK/pmd.out"
	exec 8<>"$SIM_WORK/pmd.in"
	XDG_RUNTIME_DIR=$SIM_WORK taskset -c 1 timeout 60 "$BUILD/plain/apps/sim/vireo-sim" run -q -w "gen,$SIM_FRAMES" -w sink -- \
		taskset -c 0 stdbuf -oL dpdk-testpmd --lcores 0@0,1@0 --in-memory --single-file-segments -m 128 --no-telemetry --file-prefix "bench$$" -- \
		-i --nb-cores=1 --total-num-mbufs=16384 --record-core-cycles --no-lsc-interrupt --forward-mode=io --burst=$SIM_BURST \
		--rxd=$SIM_RING --txd=$SIM_RING <&8 >"$SIM_WORK/pmd.out" 2>&1 8>&- &
	pmd=$!
	bench_sim_say "$pmd"
	bench_sim_say "$pmd" start
	sleep 0.2
	# It tells the rate since it was last asked, by its own clock.
	bench_sim_say "$pmd" "show port stats 1"
	sleep $SIM_SECONDS
	bench_sim_say "$pmd" "show port stats 1"
	bench_sim_say "$pmd" stop
	echo quit >&8
	exec 8>&-
	wait "$pmd" || die "testpmd failed; see $SIM_WORK/pmd.out"
	awk '/Tx-pps:/ { pps = $2 }
		match($0, /CPU cycles\/packet=[0-9.]+/) { cycles = substr($0, RSTART + 18, RLENGTH - 18) }
		END { printf "{\"mpps\": %.3f, \"tsc_per_pkt\": %s}\n", pps / 1e6, cycles + 0 }' "$SIM_WORK/pmd.out"
}
