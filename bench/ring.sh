# SPDX-License-Identifier: BSD-2-Clause
# Rings between threads beside DPDK's rte_ring, in turns in one process: put and get by one thread, and from one CPU to another.
# Ours hand packets over by value, 32 bytes each; a program over DPDK hands pointers over, whose packets the other thread then
# has to fetch: "packets that are looked at" is both with that, the rest is the ring by itself. "rte_ring by value" has
# elements of 32 bytes, as ours.

bench_ring()
{
	pool_bench ring rte_ring
	pool_ratios ring vireo "rte_ring by value"
	pool_plot ring "Packets through a ring, looked at" "packets that are looked at"
}
