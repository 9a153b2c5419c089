# SPDX-License-Identifier: BSD-2-Clause
# The guest's kernel: Debian's own binary package, unpacked, never installed. KERNEL chooses the series; "debug" is one that
# is built here (debug-kernel.sh).

KERNEL=${KERNEL:-6.1}

# Which release of Debian has a series. Linux 7 is built for there as well: its headers need a newer compiler and C library
# than the oldest Debian that runs these scripts has.
kernel_suite()
{
	case $KERNEL in
	6.1) echo bookworm ;;
	6.12) echo bookworm-backports ;;
	7) echo trixie-backports ;;
	*) die "kernel $KERNEL is not known here: choose 6.1, 6.12, 7 or debug" ;;
	esac
}

# kernel_prepare: sets KERNEL_DIR (vmlinux, lib/modules/VERSION with modules.dep) and KERNEL_VERSION.
kernel_prepare()
{
	need_packages "a kernel for the guest" "${PACKAGES_KERNEL[@]}"
	if [ "$KERNEL" = debug ]; then
		debug_kernel_prepare
	else
		kernel_prepare_package "$(kernel_suite)"
	fi
	KERNEL_VERSION=$(cat "$KERNEL_DIR/version")
}

kernel_prepare_package()
{
	local suite=$1 package
	KERNEL_DIR=$CACHE/kernel-$KERNEL-$suite
	[ ! -s "$KERNEL_DIR/version" ] || return 0
	package=$(apt_private "$suite" amd64 cache depends linux-image-amd64 |
		sed -n 's/^ *Depends: *\(linux-image-[0-9][^ ]*\).*/\1/p' | head -n 1)
	[ -n "$package" ] || die "Debian $suite names no kernel in linux-image-amd64"
	say "-- kernel $package of Debian $suite"
	rm -rf "$KERNEL_DIR"
	# Linux 7's package is several.
	# shellcheck disable=SC2046
	fetch_packages "$suite" amd64 "$KERNEL_DIR" "$package" $(apt_private "$suite" amd64 cache depends "$package" |
		sed -n 's/^ *Depends: *\(linux-\(base\|binary\|modules\)-[0-9][^ ]*\).*/\1/p')
	kernel_unpack "$KERNEL_DIR"
}

kernel_unpack()
{
	local dir=$1 version image
	[ -d "$dir/lib/modules" ] || { mkdir -p "$dir/lib" && mv "$dir/usr/lib/modules" "$dir/lib/modules"; }
	version=$(basename "$dir"/lib/modules/*)
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$dir" "$version"
	image=$dir/boot/vmlinuz-$version
	[ -e "$image" ] || image=$dir/lib/modules/$version/vmlinuz
	vmlinux_extract "$image" >"$dir/vmlinux"
	rm -rf "${dir:?}/usr" "$dir/boot/System.map-$version"
	printf '%s\n' "$version" >"$dir/version"
}

# A bzImage carries vmlinux compressed; QEMU starts the bare ELF several seconds sooner, because under emulation the
# unpacking is the slowest part of the boot.
vmlinux_extract()
{
	local image=$1 offset
	# The formats' magic numbers: xz, zstd, gzip.
	for offset in $(LC_ALL=C grep -aboP '\xfd7zXZ\x00' "$image" | cut -d: -f1); do
		elf_or_nothing xz "$image" "$offset" && return 0
	done
	for offset in $(LC_ALL=C grep -aboP '\x28\xb5\x2f\xfd' "$image" | cut -d: -f1); do
		elf_or_nothing zstd "$image" "$offset" && return 0
	done
	for offset in $(LC_ALL=C grep -aboP '\x1f\x8b\x08' "$image" | cut -d: -f1); do
		elf_or_nothing gzip "$image" "$offset" && return 0
	done
	die "found no kernel inside $image"
}

elf_or_nothing()
{
	local tool=$1 image=$2 offset=$3 out
	out=$(mktemp "$BUILD/vmlinux.XXXXXX")
	# What follows the compressed stream is not part of it: the tools complain and have unpacked all the same.
	tail -c "+$((offset + 1))" "$image" | "$tool" -dc >"$out" 2>/dev/null || true
	if [ "$(head -c 4 "$out" | tail -c 3)" = ELF ]; then
		cat "$out"
		rm -f "$out"
		return 0
	fi
	rm -f "$out"
	return 1
}
