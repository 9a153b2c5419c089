# SPDX-License-Identifier: BSD-2-Clause
# Suite kvfio: the module on a real kernel, in the machine of suite vm. Scenarios are in tests/kvfio/vm/, written as those of
# tests/vm/ are, with the functions of tests/kvfio/guest.sh besides. Sourced by scripts/test.

KVFIO_TESTS=$TOP/tests/kvfio
KVFIO_PROGRAMS=(abi bars cycle events hold hotreset kvm noiommu pci soft stress together token viability)
. "$KVFIO_TESTS/clients.sh"
. "$KVFIO_TESTS/install.sh"

# Besides the scenarios: the module builds without a warning, and is installed where it should be.
kvfio_list()
{
	local kernel
	for kernel in $(machine_kernels kvfio); do
		echo "build@$kernel"
		echo "install@$kernel"
	done
	machine_list kvfio
}

kvfio_run()
{
	local name scenarios=()
	for name in "$@"; do
		case $name in
		build@* | install@*) kvfio_run_here "$name" ;;
		*) scenarios+=("$name") ;;
		esac
	done
	[ ${#scenarios[@]} = 0 ] || machine_run kvfio "${scenarios[@]}"
}

# kvfio_run_here NAME@KERNEL: those that need no machine.
kvfio_run_here()
{
	KERNEL=${1#*@}
	need_packages "building the kernel module" "${PACKAGES_KVFIO[@]}"
	kernel_prepare
	kvfio_headers
	case $1 in
	build@*) run_test kvfio "$1" kvfio_check ;;
	install@*) run_test kvfio "$1" kvfio_check_install ;;
	esac
}

kvfio_build_programs()
{
	local program dir=$BUILD/kvfio/programs
	mkdir -p "$dir"
	for program in "${KVFIO_PROGRAMS[@]}"; do
		step "build kvfio-$program" gcc -std=gnu11 -static -O1 -Wall -Wextra -Wno-unused-result -pthread \
			-o "$dir/kvfio-$program" "$KVFIO_TESTS/$program.c"
	done
}

# The module, its test programs and scenarios, for the machine of any suite that has the module.
kvfio_stage()
{
	local stage=$1 dir=$BUILD/kvfio/$KERNEL_VERSION/all
	need_packages "building the kernel module" "${PACKAGES_KVFIO[@]}"
	kvfio_headers
	step "build kvfio for $KERNEL_VERSION" kvfio_make all all
	step "build kvfio for $KERNEL_VERSION, with fault injection" kvfio_make debug debug
	kvfio_build_programs
	mkdir -p "$stage/kvfio/debug" "$stage/tests/kvfio"
	cp "$dir"/kvfio*.ko "$stage/kvfio/"
	cp "$dir"/../debug/kvfio*.ko "$stage/kvfio/debug/"
	step "install kvfio into the guest" kvfio_make all DESTDIR="$stage" install
	rm -rf "$stage/usr/include"
	find "$stage" -name '*.ko' -exec strip -g {} +
	cp "$BUILD"/kvfio/programs/kvfio-* "$stage/usr/bin/"
	cp "$KVFIO_TESTS"/vm/*.sh "$stage/tests/kvfio/"
	cp "$KVFIO_TESTS/guest.sh" "$stage/tests/guest/kvfio.sh"
}
