# SPDX-License-Identifier: BSD-2-Clause
# One-way latency through vireo-fwd when it polls, sleeps until an interrupt, or does the one and then the other, and what it
# takes of a CPU meanwhile; dpdk-testpmd, which only polls, beside it. The forwarder has CPU 1 for itself. On CPU 0 one thread
# is the device on both sides (DPDK's vhost library), sends at a rate and takes the time (bench/vhost/latency.c).

LATENCY_SECONDS=1.2
LATENCY_RATES=1000,100000,1000000
LATENCY_RATIO=p50_us

bench_latency()
{
	local BENCH_ROUNDS=3 BENCH_MAX_ROUNDS=5
	bench_build_peer
	bench_hugepages 128
	LATENCY_DIR=$(mktemp -d "$BUILD/latency.XXXXXX")
	bench_until_agreed "$LATENCY_DIR/samples" $LATENCY_RATIO "vireo-fwd --poll" dpdk-testpmd latency_round
	bench_hugepages_restore
	bench_rows $LATENCY_RATIO <"$LATENCY_DIR/samples" >>"$BENCH_OBJECTS"
	bench_ratios $LATENCY_RATIO "vireo-fwd --poll" dpdk-testpmd <"$LATENCY_DIR/samples" >>"$BENCH_OBJECTS"
	latency_plots
	rm -rf "$LATENCY_DIR"
}

latency_round()
{
	local fwd=$BUILD/plain/apps/fwd/vireo-fwd a=$LATENCY_DIR/a.sock b=$LATENCY_DIR/b.sock mode programs=()
	say "-- latency: round $1"
	for mode in poll interrupt adaptive; do
		programs+=(:: "vireo-fwd --$mode" - "$fwd" -q --$mode "vhost-user:$a" "vhost-user:$b")
	done
	rm -f "$a" "$b"
	XDG_RUNTIME_DIR=$LATENCY_DIR "$BUILD/plain/bench/bench-latency" "$1" $LATENCY_SECONDS $LATENCY_RATES "$BUILD/logs/latency.log" \
		"$a,$b" "$LATENCY_DIR/hists" "${programs[@]}" \
		:: dpdk-testpmd DPDK dpdk-testpmd --in-memory --single-file-segments --no-pci --no-telemetry --file-prefix latency \
		--lcores 0@1,1@1 --vdev "net_virtio_user0,path=$a,mac=02:00:00:00:00:01,queues=1,queue_size=256" \
		--vdev "net_virtio_user1,path=$b,mac=02:00:00:00:00:02,queues=1,queue_size=256" -- --forward-mode=io \
		--disable-link-check --total-num-mbufs=16384 >>"$LATENCY_DIR/samples" || die "bench-latency failed; see $BUILD/logs/latency.log"
}

# For each rate the histogram, in steps of a quarter of a power of two, and how many packets took longer.
latency_plots()
{
	local rate
	for rate in ${LATENCY_RATES//,/ }; do
		awk -F '\t' -v rate="$rate" '$2 == rate {
				n = int(log($3) / log(2) * 4 + 1000) - 1000
				count[$1 "\t" n] += $4
				all[$1] += $4
			}
			END { for (key in count) { split(key, k, "\t"); print k[1] "\t" 2 ^ (k[2] / 4) "\t" count[key] / all[k[1]] * 100 } }' \
			"$LATENCY_DIR/hists" | sort -t "$(printf '\t')" -k 1,1 -k 2,2g |
			bench_plot "latency-$rate" "Through the forwarder, $rate packets a second" "us" "% of the packets" \
				"set logscale x"
		awk -F '\t' -v rate="$rate" '$2 == rate {
				n = int(log($3) / log(2) * 8 + 1000) - 1000
				count[$1 "\t" n] += $4
			}
			END { for (key in count) { split(key, k, "\t"); print k[1] "\t" 2 ^ (k[2] / 8) "\t" count[key] } }' \
			"$LATENCY_DIR/hists" | sort -t "$(printf '\t')" -k 1,1 -k 2,2gr |
			awk -F '\t' '$1 != last { last = $1; n = 0 } { n += $3; print $1 "\t" $2 "\t" n }' |
			sort -s -t "$(printf '\t')" -k 1,1 -k 2,2g |
			awk -F '\t' '$1 != last { last = $1; all = $3 } { print $1 "\t" $2 "\t" $3 / all }' |
			bench_plot "latency-$rate-tail" "Packets that took at least so long, $rate packets a second" "us" "of all" \
				"set logscale xy" "set format y '10^{%L}'"
	done
}
