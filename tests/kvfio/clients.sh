# SPDX-License-Identifier: BSD-2-Clause
# The machine "clients": the machine "pair" with programs of others in it, as Debian ships them: dpdk-testpmd, and a QEMU with a
# small system for its own guest to boot. They are an archive of their own, so that only scenarios that want them unpack them.

# dpdk-testpmd is in dpdk-dev; the drivers that it loads are in packages of their own.
PACKAGES_CLIENTS=(dpdk-dev librte-net-virtio23 librte-net-e1000-23 librte-mempool-ring23 librte-bus-pci23 qemu-system-x86
	seabios)
DPDK_PLUGINS=(bus_pci mempool_ring net_e1000 net_virtio)
QEMU_FIRMWARE=(seabios/bios-256k.bin qemu/pvh.bin qemu/linuxboot_dma.bin qemu/kvmvapic.bin)

# clients_prepare: appends the archive to what the machine boots from; sets INITRD.
clients_prepare()
{
	local hash file
	need_packages "programs of others that run on kvfio" "${PACKAGES_CLIENTS[@]}"
	hash=$({
		stat -L -c '%n %s %Y' "$KERNEL_DIR/vmlinux" "$(tool_path busybox)" "$(tool_path dpdk-testpmd)" \
			"$(tool_path qemu-system-x86_64)"
		cat "$KVFIO_TESTS/clients.sh" "$KVFIO_TESTS"/inner/*
	} | sha256sum | cut -c 1-16)
	file=$CACHE/clients-$KERNEL-$hash.cpio.gz
	if [ ! -s "$file" ]; then
		say "-- programs of others for the guest"
		rm -f "$CACHE/clients-$KERNEL-"*
		clients_build "$BUILD/vm/clients"
		archive "$BUILD/vm/clients" >"$file.new"
		mv "$file.new" "$file"
	fi
	cat "$INITRD" "$file" >"$BUILD/vm/initrd-clients.gz"
	INITRD=$BUILD/vm/initrd-clients.gz
}

clients_build()
{
	local root=$1
	rm -rf "$root"
	mkdir -p "$root/usr/bin" "$root/usr/share" "$root/inner"
	clients_dpdk "$root"
	clients_qemu "$root"
	clients_inner "$root"
	# All of the guest's modules, because the index that belongs to them replaces the other one.
	(GUEST_MODULES+=(kvm-amd) && copy_modules "$root")
}

# Debian keeps drivers in a folder of plugins and links them from where libraries are. A library that is found twice, under two
# inodes, is initialised twice, which DPDK takes for an error: so the links are kept, and all of it is below /usr/lib.
clients_dpdk()
{
	local root=$1 dir=/usr/lib/x86_64-linux-gnu lib name plugins=()
	for name in "${DPDK_PLUGINS[@]}"; do
		plugins+=("$dir"/dpdk/pmds-*/"librte_$name".so.*.*)
	done
	cp "$(tool_path dpdk-testpmd)" "$root/usr/bin/"
	{
		ldd "$root/usr/bin/dpdk-testpmd" "${plugins[@]}" | sed -n "s#^[[:space:]]*\([^ ]*\) => /.*#$dir/\1#p"
		printf '%s\n' "${plugins[@]}"
	} | LC_ALL=C sort -u | while read -r lib; do
		copy_with_links "$root" "$lib"
	done
}

# copy_with_links ROOT FILE: and every link on the way to it.
copy_with_links()
{
	local root=$1 file=$2 next
	while [ -L "$file" ]; do
		mkdir -p "$root$(dirname "$file")"
		next=$(readlink "$file")
		ln -sf "$next" "$root$file"
		case $next in
		/*) file=$next ;;
		*) file=$(dirname "$file")/$next ;;
		esac
	done
	mkdir -p "$root$(dirname "$file")"
	cp "$file" "$root$file"
}

clients_qemu()
{
	local root=$1 file
	cp "$(tool_path qemu-system-x86_64)" "$root/usr/bin/"
	for file in "${QEMU_FIRMWARE[@]}"; do
		mkdir -p "$root/usr/share/qemu"
		cp -L "/usr/share/$file" "$root/usr/share/qemu/"
	done
	ldd "$root/usr/bin/qemu-system-x86_64" | grep -oE '=> /[^ ]*' | sed 's/^=> //' | while read -r file; do
		[ -e "$root$file" ] || { mkdir -p "$root$(dirname "$file")" && cp -L "$file" "$root$file"; }
	done
}

# What the guest's guest boots: the same kernel, busybox, and a script.
clients_inner()
{
	local root=$1 inner=$BUILD/vm/inner
	rm -rf "$inner"
	mkdir -p "$inner"/{bin,dev,proc,sys,tmp}
	cp "$(tool_path busybox)" "$inner/bin/busybox"
	install -m 755 "$KVFIO_TESTS/inner/init" "$inner/init"
	(GUEST_MODULES=(virtio_pci virtio_net e1000e) && copy_modules "$inner")
	archive "$inner" >"$root/inner/initrd.gz"
	cp "$KERNEL_DIR/vmlinux" "$root/inner/vmlinux"
}
