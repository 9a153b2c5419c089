# SPDX-License-Identifier: BSD-2-Clause
# What kvfio costs beside upstream vfio: both in one machine, in turns. Twice: in a machine of one CPU whose clock counts
# executed instructions, where runs repeat and a limit holds, and by the wall clock, for information.

KVFIO_COST_LIMIT=1.05

bench_kvfio()
{
	local clock limit
	VM_SUITE=bench
	VM_MODULE=vfio-pci
	VM_TESTS=$TOP/bench/vm
	vm_prepare
	step "build what is measured" gcc -std=gnu11 -static -O2 -Wall -Wextra \
		-o "$BUILD/vm/stage/usr/bin/vmbench-cost" "$VM_TESTS/cost.c"
	mkdir -p "$BUILD/vm/stage/tests/bench"
	cp "$VM_TESTS/kvfio.sh" "$BUILD/vm/stage/tests/bench/"
	rootfs_prepare "$BUILD/vm/stage"
	VM_PREPARED= # it is not what others prepare
	for clock in instructions wall; do
		KVFIO_COSTS=$BUILD/vm/costs.$clock
		: >"$KVFIO_COSTS"
		QEMU_CPU=(-accel tcg,thread=single -smp 1 -m 3G)
		[ $clock = wall ] || QEMU_CPU+=(-icount shift=0,sleep=off)
		vm_run_on pair kvfio
		bench_kvfio_samples $clock >"$KVFIO_COSTS.samples"
		bench_rows value <"$KVFIO_COSTS.samples" >>"$BENCH_OBJECTS"
		limit=()
		[ $clock = wall ] || limit=(at_most $KVFIO_COST_LIMIT)
		bench_ratios value kvfio-pci vfio-pci "${limit[@]}" <"$KVFIO_COSTS.samples" >>"$BENCH_OBJECTS"
	done
}

# Asked for by the guest: DRIVER OPERATION NANOSECONDS.
host_cost()
{
	echo "$*" >>"$KVFIO_COSTS"
}

# Samples from what the guest told, in the order in which it did: a round is the next time that a driver does the same.
bench_kvfio_samples()
{
	jq -Rnc --arg clock "$1" --arg peer "upstream, Linux $KERNEL_VERSION" '
		[inputs | split(" ") | {path: .[0], op: .[1], value: (.[2] | tonumber)}] | group_by([.path, .op])[] | to_entries[] |
		{what: "kvfio", unit: "ns", clock: $clock, round: .key} + .value +
		if .value.path == "vfio-pci" then {peer: $peer} else {} end' "$KVFIO_COSTS"
}
