# SPDX-License-Identifier: BSD-2-Clause
# The guest's file system: two cpio archives that the kernel unpacks over each other. The base (busybox, modules, tools)
# is kept as long as nothing in it changes; the overlay (what is being tested, and the tests) is made for every run.

GUEST_MODULES=(virtio_pci virtio_net 8021q vfio-pci vfio_iommu_type1 e1000e 8139cp)
GUEST_TOOLS=(ip tcpdump setpriv jq hugeadm)

# rootfs_prepare STAGE: make the initramfs out of the base and the tree below STAGE; sets INITRD.
rootfs_prepare()
{
	local stage=$1 base overlay
	base=$(base_prepare)
	overlay=$BUILD/vm/overlay.cpio.gz
	copy_libraries "$stage"
	archive "$stage" >"$overlay"
	# shellcheck disable=SC2034 # used by qemu.sh
	INITRD=$BUILD/vm/initrd.gz
	cat "$base" "$overlay" >"$INITRD"
}

archive()
{
	(cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) | gzip -1
}

tool_path()
{
	local path
	path=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "$1") || die "$1 is missing on this machine"
	readlink -f "$path"
}

# Prints the archive's name. Its hash covers what goes in: the versions of files by size and time, and this script.
base_prepare()
{
	local hash file tools=() tool
	for tool in "${GUEST_TOOLS[@]}"; do
		tools+=("$(tool_path "$tool")")
	done
	hash=$({
		stat -L -c '%n %s %Y' "$KERNEL_DIR/vmlinux" "$(tool_path busybox)" "${tools[@]}"
		cat "${BASH_SOURCE[0]}"
	} | sha256sum | cut -c 1-16)
	file=$CACHE/base-$KERNEL-$hash.cpio.gz
	if [ ! -s "$file" ]; then
		say "-- base file system of the guest"
		rm -f "$CACHE/base-$KERNEL-"*
		base_build "$BUILD/vm/base"
		archive "$BUILD/vm/base" >"$file.new"
		mv "$file.new" "$file"
	fi
	printf '%s\n' "$file"
}

base_build()
{
	local root=$1 tool dir
	rm -rf "$root"
	for dir in bin sbin lib lib64 usr/bin usr/sbin usr/lib etc proc sys dev tmp run root home/user var/lib mnt; do
		mkdir -p "$root/$dir"
	done
	chmod 1777 "$root/tmp"
	cp "$(tool_path busybox)" "$root/bin/busybox"
	for tool in "${GUEST_TOOLS[@]}"; do
		cp "$(tool_path "$tool")" "$root/usr/bin/$tool"
	done
	printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'user:x:1000:1000::/home/user:/bin/sh' >"$root/etc/passwd"
	printf '%s\n' 'root:x:0:' 'user:x:1000:' >"$root/etc/group"
	copy_libraries "$root"
	copy_modules "$root"
}

# Every shared library that a program below ROOT needs, at the path where the loader looks for it.
copy_libraries()
{
	local root=$1 lib
	# ldd fails for scripts and static programs, grep when there is nothing: neither is an error here.
	{
		find "$root" -type f -perm /111 ! -name busybox ! -name '*.sh' -print0 |
			LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu:$root/usr/lib" xargs -0 -r -n 1 ldd 2>/dev/null |
			grep -oE '/[^ ]+\.so[^ ]*' || true
	} | LC_ALL=C sort -u |
		while read -r lib; do
			case $lib in "$root"/*) continue ;; esac
			[ -e "$root$lib" ] || { mkdir -p "$root$(dirname "$lib")" && cp -L "$lib" "$root$lib"; }
		done
}

copy_modules()
{
	local root=$1 name path
	local from=$KERNEL_DIR/lib/modules/$KERNEL_VERSION to=$1/lib/modules/$KERNEL_VERSION
	# A kernel may have all of them built in.
	mkdir -p "$to"
	for name in "${GUEST_MODULES[@]}"; do
		# A line of modules.dep is "module: everything it needs".
		sed -n "s#^\(.*/$name\.ko[^:]*\):#\1#p" "$from/modules.dep"
		sed -n "s#^\(.*/${name//_/-}\.ko[^:]*\):#\1#p" "$from/modules.dep"
	done | tr ' ' '\n' | LC_ALL=C sort -u | sed '/^$/d' | while read -r path; do
		mkdir -p "$to/$(dirname "$path")"
		cp "$from/$path" "$to/$path"
		case $path in
		*.xz) xz -d "$to/$path" ;;
		*.zst) zstd -q -d --rm "$to/$path" ;;
		esac
	done
	cp "$from/modules.builtin" "$from/modules.builtin.modinfo" "$from/modules.order" "$to/"
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$root" "$KERNEL_VERSION"
}
