# SPDX-License-Identifier: BSD-2-Clause
# Suite kvfio: the module on a real kernel, in the machine of suite vm. Scenarios are in tests/kvfio/vm/, written as those of
# tests/vm/ are, with the functions of tests/kvfio/guest.sh besides. Sourced by scripts/test.

KVFIO_TESTS=$TOP/tests/kvfio
KVFIO_PROGRAMS=(abi noiommu pci soft stress viability)

kvfio_list()
{
	local VM_TESTS=$KVFIO_TESTS/vm
	vm_list
}

kvfio_prepare()
{
	local stage=$BUILD/vm/stage
	vm_prepare
	need_packages "building the kernel module" make gcc libc6-dev
	kvfio_headers
	kvfio_build
	kvfio_stage "$stage"
	rootfs_prepare "$stage"
}

kvfio_run()
{
	local VM_TESTS=$KVFIO_TESTS/vm VM_SUITE=kvfio
	vm_run "$@"
}

# The headers that belong to the guest's kernel, unpacked, never installed; sets KVFIO_KDIR.
kvfio_headers()
{
	local dir=$CACHE/headers-$KERNEL_VERSION common kbuild suite
	KVFIO_KDIR=$dir/usr/src/linux-headers-$KERNEL_VERSION
	[ ! -e "$dir/ready" ] || return 0
	suite=$(kernel_suite)
	common=linux-headers-${KERNEL_VERSION%-amd64}-common
	kbuild=$(apt_private "$suite" amd64 cache depends "linux-headers-$KERNEL_VERSION" |
		sed -n 's/^ *Depends: *\(linux-kbuild-[^ ]*\).*/\1/p' | head -n 1)
	rm -rf "$dir"
	fetch_packages "$suite" amd64 "$dir" "linux-headers-$KERNEL_VERSION" "$common" "$kbuild"
	# The packages know each other by absolute paths.
	sed -i "s#/usr/src/#$dir/usr/src/#" "$KVFIO_KDIR/Makefile"
	touch "$dir/ready"
}

# In a copy, because the kernel's build system writes beside the sources.
kvfio_build()
{
	local dir=$BUILD/kvfio/$KERNEL_VERSION program
	mkdir -p "$dir"
	cp -ru "$TOP/kvfio/." "$dir/"
	step "build kvfio for $KERNEL_VERSION" make -C "$dir" KDIR="$KVFIO_KDIR" all
	for program in "${KVFIO_PROGRAMS[@]}"; do
		step "build kvfio-$program" gcc -std=gnu11 -static -O1 -Wall -Wextra -Wno-unused-result -pthread \
			-o "$dir/kvfio-$program" "$KVFIO_TESTS/$program.c"
	done
}

kvfio_stage()
{
	local stage=$1 dir=$BUILD/kvfio/$KERNEL_VERSION program
	mkdir -p "$stage/kvfio"
	cp "$dir"/kvfio*.ko "$stage/kvfio/"
	strip -g "$stage"/kvfio/*.ko
	for program in "${KVFIO_PROGRAMS[@]}"; do
		cp "$dir/kvfio-$program" "$stage/usr/bin/"
	done
	cp "$KVFIO_TESTS"/vm/*.sh "$stage/tests/"
	cp "$KVFIO_TESTS/guest.sh" "$stage/tests/guest/kvfio.sh"
}
