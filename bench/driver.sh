# SPDX-License-Identifier: BSD-2-Clause
# What the ixgbe driver costs per packet on a card in plain memory, beside DPDK's on the same stub, in turns.

PACKAGES_PEER_DPDK=(dpkg-dev python3-pyelftools meson ninja-build gcc libc6-dev libnuma-dev)

DRIVER_BATCHES=1,2,4,8,16,32,64,128,256
# Those that both sides can do.
DRIVER_COMMON_BATCHES=4,8,16,32,64,128,256
DRIVER_WINDOWS=(--windows 500 --l3-windows 100)
# Both sides together have fewer than these in use at a time, of 2 MiB.
DRIVER_HUGEPAGES=96

# Instructions per packet at batch 32 and 1, and ratios of TSC cycles to the peer's best path at 32.
DRIVER_LIMITS='{
	"default 32": {"rx": 24, "tx": 32, "fwd": 64}, "default 1": {"rx": 70, "tx": 85, "fwd": 160},
	"scalar 32": {"rx": 32, "tx": 36, "fwd": 75}, "full 32": {"fwd": 110}}'
DRIVER_RATIO_LIMITS='{"hot": {"rx": 0.45, "tx": 0.5, "fwd": 0.65}, "l3": {"rx": 0.7, "tx": 0.55, "fwd": 0.85}}'

bench_driver()
{
	local samples=$BENCH_RESULTS/driver.samples paths=$BENCH_RESULTS/driver.paths round
	if [ "$(uname -m)" != x86_64 ]; then
		bench_skip driver "instructions are counted with the trap flag of x86"
		return 0
	fi
	driver_peer
	driver_pages
	driver_cache_note
	bench_until_agreed "$samples" tsc_per_pkt default vec driver_round "$samples"
	for round in 1 2 3; do
		driver_paths "$round"
	done >"$paths"
	cat "$samples" "$paths" | bench_rows tsc_per_pkt | driver_limits >>"$BENCH_OBJECTS"
	bench_ratios tsc_per_pkt default vec <"$samples" | driver_ratio_limits >>"$BENCH_OBJECTS"
	rm -f "$samples" "$paths"
	driver_plots
	bench_hugepages_restore
}

# What is compared: what start chose, and the peer's best.
driver_round()
{
	local samples=$1
	driver_set_round "$2"
	driver_ours default --batches 1,2 >>"$samples"
	bench_in_turns driver_ours_in_turns driver_theirs_in_turns >>"$samples"
}

driver_ours_in_turns()
{
	driver_ours default --batches $DRIVER_COMMON_BATCHES --turns
}

driver_theirs_in_turns()
{
	driver_theirs vec --batches $DRIVER_COMMON_BATCHES --turns
}

# Everything else.
driver_paths()
{
	local simd offload
	driver_set_round "$1"
	for simd in scalar sse42 avx2 avx512; do
		! driver_has $simd || VIREO_SIMD=$simd driver_ours $simd
	done
	driver_ours full --full
	for offload in csum hash vlan scatter tx-csum tso request; do
		driver_ours "$offload" --offload "$offload" --batches 32
	done
	driver_theirs bulk
	driver_theirs full --full
	driver_theirs offloads --full
	if grep -qw movdiri /proc/cpuinfo; then
		driver_theirs vec-movdiri
	fi
}

# driver_has SIMD: whether this processor has what lib/simd.c asks for; without it the row would be that of the scalar loops.
driver_has()
{
	local flag
	case $1 in
	scalar) return 0 ;;
	sse42) set -- sse4_2 ;;
	avx512) set -- avx512f avx512bw avx512vl avx512dq ;;
	esac
	for flag in "$@"; do
		grep -qw "$flag" /proc/cpuinfo || return 1
	done
}

# Instructions do not change from round to round.
driver_set_round()
{
	DRIVER_ROUND=(--round "$1" --counted 0)
	[ "$1" -gt 1 ] || DRIVER_ROUND=(--round "$1" --counted 4)
}

driver_ours()
{
	local path=$1
	shift
	"${DRIVER_ON[@]}" "$BUILD/plain/bench/bench-driver" "${DRIVER_ROUND[@]}" --path "$path" --batches $DRIVER_BATCHES "${DRIVER_WINDOWS[@]}" "$@" || die "bench-driver failed"
}

driver_theirs()
{
	local path=$1
	shift
	"${DRIVER_ON[@]}" "$DRIVER_PEER" "${DRIVER_ROUND[@]}" --path "$path" --batches $DRIVER_BATCHES "${DRIVER_WINDOWS[@]}" "$@" || die "the peer's program failed"
}

# --- the peer's program ------------------------------------------------------------------------------------------------

# Debian's source package, built for this processor: below the cache, by version and by what the compiler makes of "native".
driver_peer()
{
	local suite version cpu src
	need_packages "the peer of bench driver" "${PACKAGES_PEER_DPDK[@]}"
	# shellcheck disable=SC1091
	suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
	version=$(source_version "$suite" dpdk)
	[ -n "$version" ] || die "Debian $suite has no source of dpdk"
	cpu=$(gcc -march=native -E -v - </dev/null 2>&1 | grep cc1 | sha256sum | cut -c 1-12)
	# shellcheck disable=SC2153 # set by common.sh
	src=$CACHE/dpdk/$version-$cpu
	[ -e "$src/ready" ] || driver_build_dpdk "$suite" "$src"
	DRIVER_PEER=$BUILD/dpdk-peer
	step "build the peer" driver_build_peer "$src"
}

driver_build_dpdk()
{
	local suite=$1 src=$2
	rm -rf "$src"
	mkdir -p "$(dirname "$src")"
	step "fetch the source of dpdk" fetch_source "$suite" dpdk "$src"
	# Of this release only a build of many drivers has c_args here, left over from the one before.
	sed -i 's/c_args: c_args/c_args: cflags/' "$src/drivers/net/ixgbe/base/meson.build"
	# Without pkg-config nothing optional is found, and the program needs nothing but libnuma.
	step "configure dpdk" env PKG_CONFIG_LIBDIR=/nonexistent meson setup "$src/b" "$src" --buildtype=release \
		-Ddefault_library=static -Dplatform=native -Dtests=false -Ddisable_apps='*' \
		-Denable_drivers=net/ixgbe,mempool/ring,bus/pci,bus/vdev
	step "build dpdk" ninja -C "$src/b" "${DRIVER_DPDK_DRIVERS[@]}" "${DRIVER_DPDK_LIBS[@]}"
	touch "$src/ready"
}

DRIVER_DPDK_DRIVERS=(drivers/librte_{net_ixgbe,mempool_ring,bus_pci,bus_vdev}.a)
DRIVER_DPDK_LIBS=(lib/librte_{ethdev,hash,security,cryptodev,mbuf,mempool,ring,rcu,net,meter,pci,timer,eal,telemetry,kvargs}.a)

# One part with DPDK's flags and headers, which must see its structures as the driver does (BYPASS is set by its meson.build), and the
# parts that both programs share, with ours.
driver_build_peer()
{
	local src=$1 b=$1/b lib include=()
	for lib in "$src"/lib/*/; do
		include+=(-I "$lib")
	done
	gcc -c -O3 -march=native -std=gnu11 -D_GNU_SOURCE -DALLOW_EXPERIMENTAL_API -DALLOW_INTERNAL_API \
		-DRTE_LIBRTE_IXGBE_BYPASS -include "$b/rte_build_config.h" -include "$src/config/rte_config.h" -w \
		-I "$b" -I "$src/config" -I "$src/lib/eal/include" -I "$src/lib/eal/linux/include" \
		-I "$src/lib/eal/x86/include" -I "$src/drivers/bus/pci" -I "$src/drivers/net/ixgbe" "${include[@]}" \
		-I "$TOP/bench/common" -I "$TOP/bench/driver" -o "$BUILD/dpdk-peer.o" "$TOP/bench/driver/dpdk_peer.c" &&
	gcc -O2 -g -std=gnu11 -D_GNU_SOURCE -I "$TOP/bench/common" -I "$TOP/bench/driver" -I "$TOP/drivers/ixgbe" \
		-o "$BUILD/dpdk-peer" "$BUILD/dpdk-peer.o" "$TOP"/bench/driver/{harness,stub}.c \
		"$TOP"/bench/common/{measure,steps,turns}.c -Wl,--wrap=rte_cpu_get_flag_enabled \
		-Wl,--whole-archive "${DRIVER_DPDK_DRIVERS[@]/#/$b/}" -Wl,--no-whole-archive \
		-Wl,--start-group "${DRIVER_DPDK_LIBS[@]/#/$b/}" -Wl,--end-group \
		-lm -ldl -lpthread -lnuma
}

# --- circumstances -----------------------------------------------------------------------------------------------------

# Both sides on hugepages, which nobody runs such a driver without; if the machine has none free, some for as long as this takes.
driver_pages()
{
	DRIVER_PAGES=2M
	if ! bench_has_hugepages $DRIVER_HUGEPAGES; then
		say "-- no hugepages, and no right to make some: both sides on pages of 4 KiB, which costs the peer much more; no limits"
		DRIVER_PAGES=4K
	fi
	DRIVER_ON=(env VIREO_PAGE_SIZE=$DRIVER_PAGES taskset -c 0)
}

driver_cache_note()
{
	local l3="the lines that the card has written (CLDEMOTE)"
	grep -qw cldemote /proc/cpuinfo || l3="everything: this processor has no CLDEMOTE, so what was used before, the drivers' own lines included, is driven out of the second level"
	printf 'driver: pages of %s; l3 is %s\n' "$DRIVER_PAGES" "$l3" | tee -a "$BENCH_RESULTS/conditions.txt" >&2
}

# --- rows ----------------------------------------------------------------------------------------------------------------

driver_limits()
{
	jq -c --argjson limits "$DRIVER_LIMITS" --arg pages "$DRIVER_PAGES" '
		del(.round) + {pages: $pages} |
		if .peer == null and .cache == "hot" then
			($limits["\(.path) \(.batch)"][.op] // null) as $limit |
			if $limit then . + {at_most: $limit} else . end
		else . end'
}

# Without hugepages a ratio says little, see driver_pages().
driver_ratio_limits()
{
	jq -c --argjson limits "$DRIVER_RATIO_LIMITS" --arg pages "$DRIVER_PAGES" '
		. + {pages: $pages} |
		if .batch == 32 and $pages != "4K" then . + {at_most: $limits[.cache][.op]} else . end'
}

driver_plots()
{
	local op cache
	for cache in hot l3; do
		for op in rx tx fwd; do
			jq -r --arg op $op --arg cache $cache 'select(.op == $op and .cache == $cache and .tsc_per_pkt and (.ratio_to == null)) |
				select(.path | IN("default", "scalar", "full", "vec", "bulk", "offloads")) |
				["\(.peer // "vireo") \(.path)", .batch, .tsc_per_pkt] | @tsv' "$BENCH_OBJECTS" | sort -t "$(printf '\t')" -k 1,1 -k 2,2n |
				bench_plot "driver-$cache-$op" "ixgbe $op, $cache" "packets in a burst" "TSC cycles per packet" "set logscale x 2" "set yrange [0:*]"
		done
	done
}
