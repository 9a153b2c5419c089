# SPDX-License-Identifier: BSD-2-Clause
# Memory for devices, by size and by how many clients learn of it: addresses of the IOVA allocator, memory from an arena, arenas
# that are made (pages taken, mapped, told to all clients) and given back. Clients are simulated cards, which answer over
# vfio-user; what mapping costs in the kernel's VFIO is measured by kvfio. There is no peer: DPDK maps all of its memory at once.

DMA_ROUNDS=3

bench_dma()
{
	local round samples=$BENCH_RESULTS/dma.samples pages
	bench_hugepages 96
	: >"$samples"
	for ((round = 1; round <= DMA_ROUNDS; round++)); do
		say "-- dma: round $round"
		for pages in 2M 4K; do
			VIREO_PAGE_SIZE=$pages "$BUILD/plain/bench/bench-dma" "$round" >>"$samples"
		done
	done
	bench_hugepages_restore
	bench_rows value <"$samples" >>"$BENCH_OBJECTS"
	jq -r 'select(.op | startswith("arena made")) | ["\(.path)\(.op | sub("^arena made and given back"; ""))", .size / 1048576, .value] | @tsv' \
		"$samples" | bench_plot dma "An arena is made and given back" "MiB" "us" "set logscale xy"
	rm -f "$samples"
}
