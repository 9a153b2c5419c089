# SPDX-License-Identifier: BSD-2-Clause
# The guest's kernel: Debian's own binary package, unpacked, never installed. KERNEL chooses the series.

KERNEL=${KERNEL:-6.1}

kernel_suite()
{
	case $KERNEL in
	6.1) echo bookworm ;;
	6.12) echo trixie ;;
	7.*) echo trixie-backports ;;
	*) die "KERNEL=$KERNEL is not known here: choose 6.1, 6.12 or 7.x" ;;
	esac
}

# kernel_prepare: sets KERNEL_DIR (vmlinux, lib/modules/VERSION with modules.dep) and KERNEL_VERSION.
kernel_prepare()
{
	local suite package
	KERNEL_DIR=$CACHE/kernel-$KERNEL
	if [ ! -s "$KERNEL_DIR/version" ]; then
		suite=$(kernel_suite)
		package=$(apt_private "$suite" amd64 cache depends linux-image-amd64 |
			sed -n 's/^ *Depends: *\(linux-image-[0-9][^ ]*\).*/\1/p' | head -n 1)
		[ -n "$package" ] || die "Debian $suite names no kernel in linux-image-amd64"
		say "-- kernel $package of Debian $suite"
		rm -rf "$KERNEL_DIR"
		fetch_packages "$suite" amd64 "$KERNEL_DIR" "$package"
		kernel_unpack "$KERNEL_DIR"
	fi
	KERNEL_VERSION=$(cat "$KERNEL_DIR/version")
}

kernel_unpack()
{
	local dir=$1 version
	version=$(basename "$dir"/boot/vmlinuz-* | sed 's/^vmlinuz-//')
	[ -d "$dir/lib/modules" ] || { mkdir -p "$dir/lib" && mv "$dir/usr/lib/modules" "$dir/lib/modules"; }
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$dir" "$version"
	vmlinux_extract "$dir/boot/vmlinuz-$version" >"$dir/vmlinux"
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
