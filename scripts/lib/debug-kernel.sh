# SPDX-License-Identifier: BSD-2-Clause
# KERNEL=debug: Debian's sources of Linux 6.1 with what finds bugs turned on: KASAN, lockdep, kmemleak, fault injection. Its
# configuration (tests/kvfio/debug.config) has only what the test machine needs, so that it is built in ten minutes.

DEBUG_KERNEL_HOME=$CACHE/kernel-debug
DEBUG_KERNEL_BUILD=$DEBUG_KERNEL_HOME/build

# Sets KERNEL_DIR. Built again when the configuration or Debian's version changes.
debug_kernel_prepare()
{
	local config=$TOP/tests/kvfio/debug.config want
	KERNEL_DIR=$DEBUG_KERNEL_HOME
	want=$({
		cat "$config"
		apt_private bookworm amd64 cache show linux-source-6.1 | grep '^Version:' | head -n 1
	} | sha256sum)
	[ ! -s "$KERNEL_DIR/version" ] || [ "$(cat "$KERNEL_DIR/made-of")" != "$want" ] || return 0
	need_packages "building a kernel" "${PACKAGES_DEBUG_KERNEL[@]}"
	rm -rf "$KERNEL_DIR"
	say "-- kernel sources of Debian bookworm"
	fetch_packages bookworm amd64 "$KERNEL_DIR" linux-source-6.1
	tar -C "$KERNEL_DIR" -xf "$KERNEL_DIR/usr/src/linux-source-6.1.tar.xz"
	rm -rf "${KERNEL_DIR:?}/usr"
	step "configure the kernel" debug_kernel_make KCONFIG_ALLCONFIG="$config" allnoconfig
	debug_kernel_configured "$config" || die "that is missing in $DEBUG_KERNEL_BUILD/.config although $config asks for it"
	step "build the kernel (some minutes)" debug_kernel_make bzImage modules
	step "install its modules" debug_kernel_make INSTALL_MOD_PATH="$KERNEL_DIR" modules_install
	# Not the bare ELF: its entry for virtual machines is instrumented as all is, and faults before KASAN is there.
	cp "$DEBUG_KERNEL_BUILD/arch/x86/boot/bzImage" "$KERNEL_DIR/vmlinux"
	printf '%s\n' "$want" >"$KERNEL_DIR/made-of"
	cp "$DEBUG_KERNEL_BUILD/include/config/kernel.release" "$KERNEL_DIR/version"
}

debug_kernel_make()
{
	nice make -s -j"$JOBS" -C "$DEBUG_KERNEL_HOME/linux-source-6.1" O="$DEBUG_KERNEL_BUILD" \
		KBUILD_BUILD_TIMESTAMP=0 PATH="$PATH:/usr/sbin:/sbin" "$@"
}

# What cannot be had is left out by kconfig without a word.
debug_kernel_configured()
{
	local line ok=1
	while read -r line; do
		grep -qxF "$line" "$DEBUG_KERNEL_BUILD/.config" || { say "$line"; ok=; }
	done < <(grep -E '^CONFIG_.*=[ym0-9]' "$1" | grep -v '=n$')
	[ -n "$ok" ]
}
