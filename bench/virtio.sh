# SPDX-License-Identifier: BSD-2-Clause
# The virtio driver over vhost-user beside DPDK's virtio-user. Twice: the driver alone, its calls timed against a back end in
# plain memory (cycles and instructions), and on two cores with Debian's dpdk-testpmd as the back end (Mpps). The same testpmd
# serves both sides, in turns.

PACKAGES_BENCH_VIRTIO=(dpdk dpdk-dev libdpdk-dev gcc libc6-dev pkg-config util-linux)

# Pages of 2 MiB that all of it takes at once: testpmd 64, one guest up to 48.
VIRTIO_HUGEPAGES=160
VIRTIO_BATCHES=32,256
# Warm-up and measured part of a run on two cores.
VIRTIO_MS=(300 500)

# What is measured: NAME, our options, those of DPDK's virtio-user, those of bench-virtio; what DPDK wants for its vector paths, and
# that for bursts of one, where vectors receive nothing on split rings: they want 8 at least.
# DPDK's driver takes mergeable buffers when it is told to, as is its default; ours when packets can be larger than buffers
# (--large). So there are three ways: each as it is, both with, and both without. Its vector paths (vectorized=1) are for packed rings in
# order, receive only where nothing is mergeable, and for receive on split rings out of order where nothing is.
VIRTIO_KINDS=(
	"split|packed=off,in-order=off|packed_vq=0,in_order=0,mrg_rxbuf=1|--mergeable||"
	"split mergeable|packed=off,in-order=off|packed_vq=0,in_order=0,mrg_rxbuf=1|--mergeable --large||"
	"split not mergeable|packed=off,in-order=off,mergeable=off|packed_vq=0,in_order=0,mrg_rxbuf=0||vectorized=1|"
	"split in-order|packed=off|packed_vq=0,in_order=1,mrg_rxbuf=1|--mergeable --in-order||"
	"packed|in-order=off|packed_vq=1,in_order=0,mrg_rxbuf=1|--packed --mergeable||"
	"packed mergeable|in-order=off|packed_vq=1,in_order=0,mrg_rxbuf=1|--packed --mergeable --large||"
	"packed not mergeable|in-order=off,mergeable=off|packed_vq=1,in_order=0,mrg_rxbuf=0|--packed||"
	"packed in-order||packed_vq=1,in_order=1,mrg_rxbuf=1|--packed --mergeable --in-order|vectorized=1|vectorized=1"
	"packed in-order mergeable||packed_vq=1,in_order=1,mrg_rxbuf=1|--packed --mergeable --in-order --large|vectorized=1|vectorized=1"
	"packed in-order not mergeable|mergeable=off|packed_vq=1,in_order=1,mrg_rxbuf=0|--packed --in-order|vectorized=1|vectorized=1"
)

bench_virtio()
{
	local kind
	need_packages "the virtio bench and its peer" "${PACKAGES_BENCH_VIRTIO[@]}"
	VIRTIO_DIR=$BUILD/bench-virtio
	rm -rf "$VIRTIO_DIR"
	mkdir -p "$VIRTIO_DIR"
	bench_hugepages $VIRTIO_HUGEPAGES
	step "build the virtio peers" virtio_build_peers
	for kind in "${VIRTIO_KINDS[@]}"; do
		IFS='|' read -r VIRTIO_NAME VIRTIO_OURS VIRTIO_THEIRS VIRTIO_FLAGS VIRTIO_VECTORS VIRTIO_OF_ONE <<<"$kind"
		virtio_driver_alone
	done
	if [ "$(nproc)" -lt 2 ]; then
		bench_skip virtio "a back end and a guest need a CPU each"
	else
		virtio_testpmd_start
		for kind in "${VIRTIO_KINDS[@]}"; do
			IFS='|' read -r VIRTIO_NAME VIRTIO_OURS VIRTIO_THEIRS VIRTIO_FLAGS VIRTIO_VECTORS VIRTIO_OF_ONE <<<"$kind"
			virtio_two_cores
		done
		virtio_testpmd_stop
	fi
	virtio_plots
	bench_hugepages_restore
}

virtio_build_peers()
{
	local cflags libs
	cflags=$(pkg-config --cflags libdpdk)
	libs=$(pkg-config --libs libdpdk)
	# shellcheck disable=SC2086 # words
	gcc -O3 -march=native -D_GNU_SOURCE $cflags -I"$TOP/bench/common" -I"$TOP/bench/virtio" -o "$VIRTIO_DIR/peer" \
		"$TOP"/bench/virtio/{peer,options,backend}.c "$TOP"/bench/common/{measure,steps,turns}.c $libs -lpthread &&
		gcc -O3 -march=native -D_GNU_SOURCE $cflags -I"$TOP/bench/virtio" -o "$VIRTIO_DIR/guest-dpdk" "$TOP/bench/virtio/guest_dpdk.c" $libs
}

# --- the driver alone -----------------------------------------------------------------------------------------------

virtio_driver_alone()
{
	local samples=$VIRTIO_DIR/alone
	bench_until_agreed "$samples" tsc_per_pkt "$VIRTIO_NAME" "$VIRTIO_NAME" virtio_alone_round "$samples"
	bench_rows tsc_per_pkt <"$samples" >>"$BENCH_OBJECTS"
	bench_ratios tsc_per_pkt "$VIRTIO_NAME" "$VIRTIO_NAME" at_most 0.7 <"$samples" >>"$BENCH_OBJECTS"
}

# Instructions are always the same: once is enough.
virtio_alone_round()
{
	VIRTIO_ROUND=(--round "$2" --counted 0)
	[ "$2" -gt 1 ] || VIRTIO_ROUND=(--round "$2" --counted 1)
	VIRTIO_BATCHES=1 VIRTIO_VECTORS=$VIRTIO_OF_ONE bench_in_turns virtio_ours virtio_theirs >>"$1"
	bench_in_turns virtio_ours virtio_theirs >>"$1"
}

virtio_ours()
{
	virtio_measure "$BUILD/plain/bench/bench-virtio"
}

virtio_theirs()
{
	XDG_RUNTIME_DIR=$VIRTIO_DIR DPDK_VDEV=$VIRTIO_VECTORS DPDK_ARGS=${VIRTIO_VECTORS:+--force-max-simd-bitwidth=512} \
		virtio_measure "$VIRTIO_DIR/peer"
}

virtio_measure()
{
	# shellcheck disable=SC2086 # words
	taskset -c 0 "$1" $VIRTIO_FLAGS --path "$VIRTIO_NAME" "${VIRTIO_ROUND[@]}" --batches "$VIRTIO_BATCHES" --windows 300 \
		--turns 2>>"$BUILD/logs/bench-virtio.log" || die "${1##*/} failed; see $BUILD/logs/bench-virtio.log"
}

# --- two cores --------------------------------------------------------------------------------------------------------

virtio_testpmd_start()
{
	VIRTIO_SOCKET=$VIRTIO_DIR/vhost.sock
	rm -f "$VIRTIO_DIR/in"
	mkfifo "$VIRTIO_DIR/in"
	: >"$VIRTIO_DIR/out"
	XDG_RUNTIME_DIR=$VIRTIO_DIR stdbuf -oL dpdk-testpmd --lcores 0@0,1@0 --no-pci --no-telemetry --in-memory \
		--single-file-segments -m 128 --vdev "net_vhost0,iface=$VIRTIO_SOCKET,queues=1" -- -i --nb-cores=1 \
		--total-num-mbufs=16384 --burst=32 --rxd=1024 --txd=1024 --no-flush-rx \
		<"$VIRTIO_DIR/in" >"$VIRTIO_DIR/out" 2>&1 &
	VIRTIO_PMD=$!
	exec 8>"$VIRTIO_DIR/in"
	virtio_wait grep -q 'testpmd>' "$VIRTIO_DIR/out"
}

virtio_testpmd_stop()
{
	echo quit >&8
	exec 8>&-
	wait "$VIRTIO_PMD" || true
}

# virtio_wait COMMAND...: up to 20 s.
virtio_wait()
{
	local i
	for ((i = 0; i < 400; i++)); do
		! "$@" || return 0
		kill -0 "$VIRTIO_PMD" 2>/dev/null || break
		sleep 0.05
	done
	tail -n 20 "$VIRTIO_DIR/out" >&2
	die "waited in vain for: $*"
}

virtio_link_is_up()
{
	local from
	from=$(wc -c <"$VIRTIO_DIR/out")
	echo "show port summary 0" >&8
	sleep 0.05
	tail -c "+$from" "$VIRTIO_DIR/out" | grep -q 'net_vhost  *up'
}

# virtio_guest OP COMMAND...: what a guest measures while testpmd does the other half. Forwarding begins with 256 packets that go
# round and round.
virtio_guest()
{
	local op=$1 mode start=start guest
	shift
	case $op in
	rx) mode=txonly ;;
	tx) mode=rxonly ;;
	fwd) mode=io start="start tx_first 8" ;;
	esac
	: >"$VIRTIO_DIR/guest.err"
	"$@" >"$VIRTIO_DIR/guest.out" 2>"$VIRTIO_DIR/guest.err" 8>&- &
	guest=$!
	virtio_wait grep -q '^ready' "$VIRTIO_DIR/guest.err"
	# Packets for a port without rings are lost.
	virtio_wait virtio_link_is_up
	printf '%s\n' "set fwd $mode" "$start" >&8
	wait "$guest" || { cat "$VIRTIO_DIR/guest.err" >&2; die "a guest failed: $*"; }
	echo stop >&8
	cat "$VIRTIO_DIR/guest.out"
}

# virtio_sample ROUND OP PEER COMMAND...
virtio_sample()
{
	local round=$1 op=$2 peer=$3 mpps
	shift 3
	mpps=$(virtio_guest "$op" "$@")
	jq -nc --arg path "$VIRTIO_NAME" --arg op "$op" --arg peer "$peer" --argjson round "$round" --argjson mpps "$mpps" \
		'{what: "virtio", peer: $peer, path: $path, op: $op, batch: 32, round: $round, mpps: $mpps} |
		if .peer == "" then del(.peer) else . end'
}

virtio_two_cores_round()
{
	local samples=$1 round=$2 op large= dpdk="DPDK ${VIRTIO_DPDK_VERSION:=$(pkg-config --modversion libdpdk)}"
	[[ $VIRTIO_FLAGS != *--large* ]] || large=large
	for op in rx tx fwd; do
		virtio_sample "$round" $op "" taskset -c 1 "$BUILD/plain/bench/bench-virtio-guest" $op \
			"vhost-user:$VIRTIO_SOCKET${VIRTIO_OURS:+,$VIRTIO_OURS}" "${VIRTIO_MS[@]}" $large
		virtio_sample "$round" $op "$dpdk" env XDG_RUNTIME_DIR="$VIRTIO_DIR" "$VIRTIO_DIR/guest-dpdk" $op \
			"net_virtio_user0,path=$VIRTIO_SOCKET,queues=1,queue_size=256,$VIRTIO_THEIRS${VIRTIO_VECTORS:+,$VIRTIO_VECTORS}" \
			"${VIRTIO_MS[@]}" --lcores 0@1 --no-pci --no-telemetry --in-memory --single-file-segments -m 64 \
			${VIRTIO_VECTORS:+--force-max-simd-bitwidth=512}
	done >>"$samples"
}

virtio_two_cores()
{
	local samples=$VIRTIO_DIR/two tx=1.2
	[[ $VIRTIO_NAME = split* ]] || tx=1.1
	bench_until_agreed "$samples" mpps "$VIRTIO_NAME" "$VIRTIO_NAME" virtio_two_cores_round "$samples"
	bench_rows mpps <"$samples" >>"$BENCH_OBJECTS"
	jq -c 'select(.op == "tx")' "$samples" | bench_ratios mpps "$VIRTIO_NAME" "$VIRTIO_NAME" at_least $tx >>"$BENCH_OBJECTS"
	jq -c 'select(.op != "tx")' "$samples" | bench_ratios mpps "$VIRTIO_NAME" "$VIRTIO_NAME" at_least 1.0 >>"$BENCH_OBJECTS"
}

# --- plots ------------------------------------------------------------------------------------------------------------

virtio_plots()
{
	local op
	for op in rx tx fwd; do
		jq -r --arg op $op 'select(.op == $op and .tsc_per_pkt and (.path == "split" or .path == "packed in-order")) |
			[([.peer // "vireo", .path] | join(", ")), .batch, .tsc_per_pkt] | @tsv' "$BENCH_OBJECTS" |
			bench_plot "virtio-$op" "virtio driver alone, $op" "packets a burst" "TSC cycles per packet" \
				"set logscale x 2" "set yrange [0:]"
	done
}
