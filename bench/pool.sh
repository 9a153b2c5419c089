# SPDX-License-Identifier: BSD-2-Clause
# Pools of buffers beside DPDK's rte_mempool, in turns in one process: a burst out and back, by one thread and by two at once
# on one pool, with a cache of 256 for each thread on both sides. "buffers" are bare pointers, as a driver takes them;
# "packets" are ready to be filled (vireo_pool_alloc(), rte_pktmbuf_alloc_bulk()); "1024 packets out" are more than caches hold.

bench_pool()
{
	pool_bench pool rte_mempool
	pool_ratios pool "vireo inline" rte_mempool
	pool_plot pool "Buffers out of a pool and back" "buffers"
}

# pool_bench WHAT PEER: bench/pool/main.c has what is done.
pool_bench()
{
	local BENCH_MAX_ROUNDS=7
	bench_build_peer
	bench_hugepages 96
	POOL_SAMPLES=$BENCH_RESULTS/$1.samples
	bench_until_agreed "$POOL_SAMPLES" tsc_per_pkt vireo "$2" pool_round "$1"
	bench_rows tsc_per_pkt <"$POOL_SAMPLES" >>"$BENCH_OBJECTS"
	bench_hugepages_restore
	pool_ratios "$1" vireo "$2"
}

pool_round()
{
	say "-- $1: round $2"
	XDG_RUNTIME_DIR=$BUILD "$BUILD/plain/bench/bench-pool" "$1" "$2" >>"$POOL_SAMPLES"
}

# pool_ratios WHAT OURS PEER: cycles of one thread, rates of two.
pool_ratios()
{
	bench_ratios tsc_per_pkt "$2" "$3" <"$POOL_SAMPLES" >>"$BENCH_OBJECTS"
	bench_ratios mpps "$2" "$3" <"$POOL_SAMPLES" >>"$BENCH_OBJECTS"
}

# pool_plot WHAT TITLE OP
pool_plot()
{
	jq -sr --arg op "$3" "$(cat "$TOP/bench/common/rows.jq")"' rows("tsc_per_pkt")[] | select(.op == $op and .threads == 1) |
		[.path, .batch, .tsc_per_pkt] | @tsv' "$POOL_SAMPLES" |
		bench_plot "$1" "$2, one thread" "elements in a burst" "cycles of the time stamp counter per element" "set logscale x 2" \
			"set yrange [0:*]"
	jq -sr --arg op "$3" "$(cat "$TOP/bench/common/rows.jq")"' rows("mpps")[] | select(.op == $op and .threads == 2) |
		[.path, .batch, .mpps] | @tsv' "$POOL_SAMPLES" |
		bench_plot "$1-threads" "$2, two threads" "elements in a burst" "millions a second" "set logscale x 2" "set yrange [0:*]"
	rm -f "$POOL_SAMPLES"
}
