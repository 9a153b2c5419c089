# SPDX-License-Identifier: BSD-2-Clause
# What every file in bench/ shares: priority, conditions, samples and what becomes of them. docs/testing.md, "Measuring",
# says what the fields of a row mean.

PACKAGES_BENCH=(jq gnuplot-nox util-linux)
PACKAGES_PEER=(dpdk-dev libdpdk-dev)

# Rounds of both sides in turns: at least so many, and more while they disagree.
BENCH_ROUNDS=${BENCH_ROUNDS:-5}
BENCH_MAX_ROUNDS=${BENCH_MAX_ROUNDS:-15}
# A ratio whose quartiles are further apart than this, in parts of it, is none.
BENCH_MAX_SPREAD=0.15

# bench_raise COMMAND...: run it in a session of its own, before all others where we may. On a kernel with autogroups a nice
# value says nothing against processes of other sessions, so it is the group that is raised. A signal ends all of it.
bench_raise()
{
	local pid rc=0
	BENCH_RAISED=1 setsid "$@" &
	pid=$!
	trap 'kill -TERM -- "-$pid" 2>/dev/null || true; wait "$pid" || true; bench_end_rest "$pid"; exit 130' INT TERM HUP
	wait "$pid" || rc=$?
	bench_end_rest "$pid"
	exit "$rc"
}

# bench_end_rest GROUP: what it has left behind, if it failed, would poll for ever, and before all others. testpmd that hears a signal while
# it starts waits for a key.
bench_end_rest()
{
	local i
	for ((i = 0; i < 20; i++)); do
		kill -TERM -- "-$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "-$1" 2>/dev/null || true
}

bench_priority()
{
	if { echo -15 >/proc/self/autogroup; } 2>/dev/null; then
		say "-- priority: autogroup -15"
	else
		say "-- priority: not raised (needs root and a kernel with autogroups): figures of two cores may be far off"
	fi
}

# The figures of one WHAT belong to these; compare cycles within one run only.
bench_conditions()
{
	local clock=unknown
	[ ! -x "$BUILD/plain/bench/bench-clock" ] || clock=$("$BUILD/plain/bench/bench-clock")
	printf '%s: %s, load %s, core cycles per TSC cycle %s\n' "$1" \
		"$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)" \
		"$(cut -d ' ' -f 1-3 /proc/loadavg)" "$clock" | tee -a "$BENCH_RESULTS/conditions.txt" >&2
}

# bench_build_peer: Debian's DPDK, and what is linked to it; it may have come after the build folder was made.
bench_build_peer()
{
	need_packages "the peer" "${PACKAGES_PEER[@]}"
	[ ! -x "$BUILD/plain/bench/bench-pool" ] || return 0
	step "configure with DPDK" meson setup --reconfigure "$BUILD/plain" "$TOP"
	step "build bench with DPDK" ninja -C "$BUILD/plain"
}

BENCH_HUGEPAGES_DIR=/sys/kernel/mm/hugepages/hugepages-2048kB

# bench_hugepages N: see to it that so many of 2 MiB are free; what was there before comes back with bench_hugepages_restore, which
# happens in any case when the script ends.
bench_hugepages()
{
	bench_has_hugepages "$1" ||
		die "$(cat $BENCH_HUGEPAGES_DIR/free_hugepages) hugepages of 2 MiB are free, $1 are needed; as root: vireo-bind hugepages --size 2M --count $1"
}

# The same, for who can do without: fails where they cannot be had, and leaves everything as it was.
bench_has_hugepages()
{
	local total free
	total=$(cat $BENCH_HUGEPAGES_DIR/nr_hugepages)
	free=$(cat $BENCH_HUGEPAGES_DIR/free_hugepages)
	[ "$free" -lt "$1" ] || return 0
	say "-- $(($1 - free)) more hugepages of 2 MiB, until this is over"
	BENCH_HUGEPAGES=$total
	bench_set_hugepages $((total + $1 - free)) || true
	[ "$(cat $BENCH_HUGEPAGES_DIR/free_hugepages)" -lt "$1" ] || return 0
	bench_hugepages_restore
	return 1
}

bench_set_hugepages()
{
	# shellcheck disable=SC2016
	as_root sh -c 'echo "$1" >"$2"' sh "$1" $BENCH_HUGEPAGES_DIR/nr_hugepages 2>/dev/null
}

bench_hugepages_restore()
{
	[ -n "${BENCH_HUGEPAGES:-}" ] || return 0
	bench_set_hugepages "$BENCH_HUGEPAGES" || true
	BENCH_HUGEPAGES=
}

# bench_skip WHAT SENTENCE: a row that says so, and the script ends with an error: what was asked for is not there.
bench_skip()
{
	say "-- $1: not measured: $2"
	jq -nc --arg what "$1" --arg why "$2" '{what: $what, skipped: $why}' >>"$BENCH_OBJECTS"
}

# A bench writes samples, one JSON object a line with a number "round", into a file of its own. Samples that agree in
# everything but round and figures are one row, the median.

# bench_rows METRIC <SAMPLES: the rows; "spread" is what the quartiles of METRIC are apart.
bench_rows()
{
	jq -sc --arg metric "$1" "$(cat "$TOP/bench/common/rows.jq")"' rows($metric)[]'
}

# bench_ratios METRIC OURS PEER [at_most|at_least LIMIT] <SAMPLES: a ratio row for each op, batch and cache that both paths
# have. Samples of a peer are those with "peer". The ratio is the median of those of single rounds; one of rounds that
# disagree is null, and the row says so in "refused".
bench_ratios()
{
	jq -sc --arg metric "$1" --arg ours "$2" --arg peer "$3" --arg bound "${4:-}" --argjson limit "${5:-null}" \
		--argjson most "$BENCH_MAX_SPREAD" \
		"$(cat "$TOP/bench/common/rows.jq")"' ratios($metric; $ours; $peer; $bound; $limit; $most)[]'
}

# bench_until_agreed SAMPLES METRIC OURS PEER COMMAND...: COMMAND ROUND adds the samples of a round to the file, ours and the
# peer's in turns; again until no ratio has to be refused, or it is enough.
bench_until_agreed()
{
	local samples=$1 metric=$2 ours=$3 peer=$4 round
	shift 4
	: >"$samples"
	for ((round = 1; round <= BENCH_MAX_ROUNDS; round++)); do
		"$@" "$round"
		[ "$round" -ge "$BENCH_ROUNDS" ] || continue
		bench_ratios "$metric" "$ours" "$peer" <"$samples" | jq -se 'length > 0 and all(.refused == null)' >/dev/null || continue
		return 0
	done
	return 0
}

# bench_in_turns COMMAND COMMAND: both programs measure in parts of some milliseconds, on one CPU, and whoever does not have the
# turn waits (bench/common/turns.h): what slows the machine down for a while does so to both. Their rows come out.
bench_in_turns()
{
	local dir=$BUILD/turns one other
	rm -rf "$dir"
	mkdir -p "$dir"
	mkfifo "$dir"/{one,other}.{turn,rows}
	"$1" <"$dir/one.turn" >"$dir/one.rows" &
	one=$!
	"$2" <"$dir/other.turn" >"$dir/other.rows" &
	other=$!
	exec 5>"$dir/one.turn" 6<"$dir/one.rows" 7>"$dir/other.turn" 8<"$dir/other.rows"
	bench_turn 6 && bench_turn 8 || die "a program that measures did not start"
	while echo >&5 && bench_turn 6; do
		echo >&7
		bench_turn 8 || die "a program that measures has ended too early"
	done
	echo >&7
	bench_turn 8 || true
	exec 5>&- 6<&- 7>&- 8<&-
	wait $one
	wait $other
}

# bench_turn FD: the rows of a program, until it waits for its next turn; fails when it has ended.
bench_turn()
{
	local row
	while read -r row <&"$1"; do
		[ -n "$row" ] || return 0
		echo "$row"
	done
	return 1
}

# bench_plot NAME TITLE XLABEL YLABEL [GNUPLOT_LINE...] <"SERIES<TAB>X<TAB>Y" lines: an SVG in the results folder.
bench_plot()
{
	local data=$BENCH_RESULTS/$1.dat out=$BENCH_RESULTS/$1.svg title=$2 x=$3 y=$4
	shift 4
	# gnuplot wants series as blocks, apart by two empty lines, with the name as their first line.
	sort -s -t "$(printf '\t')" -k 1,1 | awk -F '\t' '$1 != last { if (NR > 1) printf "\n\n"; printf "\"%s\"\n", $1; last = $1 }
		{ print $2, $3 }' >"$data"
	[ -s "$data" ] || return 0
	gnuplot <<-PLOT || die "gnuplot cannot draw $data"
		set terminal svg size 900,520 font "sans-serif,13" background "white"
		set output "$out"
		set title "$title" noenhanced
		set xlabel "$x"
		set ylabel "$y"
		set key outside right top noenhanced
		set grid
		set yrange [0:*]
		$(printf '%s\n' "$@")
		stats "$data" using 2 nooutput
		plot for [i=0:STATS_blocks-1] "$data" index i using 1:2 with linespoints lw 2 pt 7 ps 0.6 title columnheader(1)
	PLOT
	rm -f "$data"
}

# bench_table FILE: for people.
bench_table()
{
	jq -r "$(cat "$TOP/bench/common/rows.jq")"' .[] | table_line' "$1" |
		if command -v column >/dev/null; then column -t -s '|'; else tr '|' '\t'; fi
}

# bench_verdict FILE...: an error for what misses its limit and for what could not be compared, with one sentence.
bench_verdict()
{
	local missed refused skipped
	missed=$(jq -s "$(cat "$TOP/bench/common/rows.jq")"' add | map(select(misses)) | length' "$@")
	refused=$(jq -s 'add | map(select(.refused)) | length' "$@")
	[ "$refused" = 0 ] || say "$refused ratios were refused because rounds disagreed by more than $BENCH_MAX_SPREAD of them: the machine is too busy"
	skipped=$(jq -rs 'add | map(select(.skipped) | .what) | join(", ")' "$@")
	[ "$missed" = 0 ] || die "$missed figures miss their limit (\"MISSES\" in the table)"
	[ -z "$skipped" ] || die "not measured: $skipped; the table says why"
	[ "$refused" = 0 ]
}
