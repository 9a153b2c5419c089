# SPDX-License-Identifier: BSD-2-Clause
# From exec to the first packet, and the memory that it takes by then, beside dpdk-testpmd on the same virtual device: on
# vhost-user sockets that DPDK's vhost library serves, and on simulated 82599s ("vireo-sim run"). Both do nothing else than
# they must: testpmd without PCI scan, telemetry, link check and with few mbufs.

START_MOST_MS=20
START_MOST_RATIO=0.1
# Of each program in a round. A ratio is that of the fastest, for what others' load adds is none of the program's; rows are
# medians of all.
START_TURNS=5

bench_start()
{
	local BENCH_MAX_ROUNDS=7
	bench_build_peer
	bench_hugepages 128
	START_DIR=$(mktemp -d "$BUILD/start.XXXXXX")
	START_SAMPLES=$START_DIR/samples
	START_STARTS=$START_DIR/starts
	: >"$START_STARTS"
	bench_until_agreed "$START_SAMPLES" value vireo-fwd dpdk-testpmd start_round
	start_rows >>"$BENCH_OBJECTS"
	bench_ratios value vireo-fwd dpdk-testpmd at_most $START_MOST_RATIO <"$START_SAMPLES" >>"$BENCH_OBJECTS"
	bench_ratios value vireo-pktgen dpdk-testpmd at_most $START_MOST_RATIO <"$START_SAMPLES" >>"$BENCH_OBJECTS"
	start_plot
	bench_hugepages_restore
	rm -rf "$START_DIR"
}

start_round()
{
	local round=$1
	say "-- start: round $round"
	: >"$START_DIR/turns"
	start_vhost "$round" "$START_DIR/a.sock" -- --forward-mode=txonly
	start_vhost "$round" "$START_DIR/a.sock,$START_DIR/b.sock" -- --forward-mode=io
	jq -sc "$(cat "$TOP/bench/common/rows.jq")"' group_by([.op, .path])[] |
		.[0] + {value: (map(.value) | min), rss_mib: (map(.rss_mib) | max)}' "$START_DIR/turns" >>"$START_SAMPLES"
	cat "$START_DIR/turns" >>"$START_STARTS"
	start_sim "$round" "vireo-fwd" "" "$BUILD/plain/apps/fwd/vireo-fwd" -q -d 2s 0000:05:00.0 0000:06:00.0
	start_sockets "$round"
	start_sim "$round" dpdk-testpmd DPDK dpdk-testpmd --in-memory --no-telemetry --lcores 0@1,1@1 \
		--file-prefix start-sim -- --no-flush-rx --disable-link-check --total-num-mbufs=8192
}

# start_vhost ROUND SOCKET[,SOCKET] -- MODE: one program after the other on the same device.
start_vhost()
{
	local round=$1 sockets=$2 mode=$4 ours=vireo-pktgen vdevs=() ports=() n=0 socket
	for socket in ${sockets//,/ }; do
		vdevs+=(--vdev "net_virtio_user$n,path=$socket,mac=02:00:00:00:00:0$n,queues=1,queue_size=256")
		ports+=("vhost-user:$socket")
		n=$((n + 1))
	done
	[ $n = 1 ] || ours=vireo-fwd
	rm -f "$START_DIR"/?.sock
	XDG_RUNTIME_DIR=$START_DIR "$BUILD/plain/bench/bench-start" "$round" $START_TURNS "$BUILD/logs/start.log" "$sockets" \
		:: $ours - "$BUILD/plain/apps/${ours#vireo-}/$ours" -q "${ports[@]}" \
		:: "$ours, 4K pages" - "$BUILD/plain/apps/${ours#vireo-}/$ours" -q --page-size 4K "${ports[@]}" \
		:: dpdk-testpmd DPDK dpdk-testpmd --in-memory --single-file-segments --no-pci --no-telemetry \
		--file-prefix start --lcores 0@1,1@1 "${vdevs[@]}" -- "$mode" --disable-link-check --total-num-mbufs=16384 \
		>>"$START_DIR/turns" || die "bench-start failed; see $BUILD/logs/start.log"
}

# start_sim ROUND PATH PEER COMMAND...: a generator waits behind the first card; behind the second every frame gets the time
# at which it left.
start_sim()
{
	local round=$1 path=$2 peer=$3
	shift 3
	rm -f "$START_DIR/sent.pcap"
	# shellcheck disable=SC2016
	XDG_RUNTIME_DIR=$START_DIR timeout -s INT 20 "$BUILD/plain/apps/sim/vireo-sim" run -q \
		-w gen,count=64,dst=ff:ff:ff:ff:ff:ff -w "pcap,out=$START_DIR/sent.pcap" -- \
		bash -c 'echo "$EPOCHREALTIME" >"$1"; shift; exec timeout -s INT 3 "$@"' bash "$START_DIR/begin" "$@" \
		</dev/zero >"$BUILD/logs/start-sim.log" 2>&1 || true
	start_simulated "$round" "$path" "$peer"
}

# The same cards without the machinery that makes them look like the kernel's: by the sockets that they are served at.
start_sockets()
{
	local round=$1 sim end=$((SECONDS + 10))
	rm -f "$START_DIR/sent.pcap" "$START_DIR"/?.sock
	"$BUILD/plain/apps/sim/vireo-sim" -q "$START_DIR/a.sock=gen,count=64,dst=ff:ff:ff:ff:ff:ff" \
		"$START_DIR/b.sock=pcap,out=$START_DIR/sent.pcap" >"$BUILD/logs/start-sim.log" 2>&1 &
	sim=$!
	until [ -S "$START_DIR/b.sock" ] || [ $SECONDS -ge $end ]; do
		sleep 0.05
	done
	# shellcheck disable=SC2016
	bash -c 'echo "$EPOCHREALTIME" >"$1"; shift; exec "$@"' bash "$START_DIR/begin" "$BUILD/plain/apps/fwd/vireo-fwd" -q -d 500ms \
		"vfio-user:$START_DIR/a.sock" "vfio-user:$START_DIR/b.sock" >>"$BUILD/logs/start-sim.log" 2>&1 || true
	kill -INT $sim
	wait $sim || true
	start_simulated "$round" "vireo-fwd, vfio-user" ""
}

# start_simulated ROUND PATH PEER: the sample, from when it began and when the first frame left.
start_simulated()
{
	local first
	first=$(start_first_ns "$START_DIR/sent.pcap") || die "no packet came from $2; see $BUILD/logs/start-sim.log"
	jq -nc --arg path "$2" --arg peer "$3" --argjson round "$1" --argjson first "$first" \
		--arg begin "$(tr -d . <"$START_DIR/begin")" '
		{what: "start", path: $path, op: "fwd", device: "simulated cards", round: $round, unit: "ms",
		 value: ($first / 1e6 - ($begin | tonumber) / 1000)} + if $peer == "" then {} else {peer: $peer} end' >>"$START_SAMPLES"
}

# start_first_ns FILE: when its first frame was written, in nanoseconds.
start_first_ns()
{
	local magic s sub
	[ -e "$1" ] && [ "$(stat -c %s "$1")" -gt 40 ] || return 1
	magic=$(od -A n -t x4 -N 4 "$1" | tr -d ' ')
	read -r s sub < <(od -A n -t u4 -j 24 -N 8 "$1")
	[ "$magic" = a1b23c4d ] || sub=$((sub * 1000))
	echo $((s * 1000000000 + sub))
}

# Times with their limit, then memory.
start_rows()
{
	{
		jq -c 'del(.rss_mib, .huge_mib)' "$START_STARTS"
		jq -c 'select(.rss_mib | not)' "$START_SAMPLES"
	} | bench_rows value | jq -c --argjson most $START_MOST_MS '
		if .peer or (.path | endswith("pages")) or .device == "simulated cards" then . else . + {at_most: $most} end'
	jq -c 'select(.rss_mib) | . + {measure: "resident memory at most", value: .rss_mib, unit: "MiB"} | del(.rss_mib, .huge_mib)' \
		"$START_SAMPLES" | bench_rows value
	jq -c 'select(.rss_mib) | . + {measure: "hugepages", value: .huge_mib, unit: "MiB"} | del(.rss_mib, .huge_mib)' \
		"$START_SAMPLES" | bench_rows value
}

start_plot()
{
	jq -sr 'group_by([.path, .op])[] | to_entries[] | ["\(.value.path), \(.value.op)", .key + 1, .value.value] | @tsv' "$START_STARTS" |
		bench_plot start "From exec to the first packet, vhost-user" "start" "ms" "set logscale y" "set yrange [1:1000]"
}
