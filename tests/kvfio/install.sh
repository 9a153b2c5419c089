# SPDX-License-Identifier: BSD-2-Clause
# What "make install" and DKMS put where. Part of suite kvfio; nothing of this machine is touched.

# kvfio_check_install: every file where it belongs, the front where modprobe does not look, and nothing left by "uninstall".
kvfio_check_install()
{
	local root=$BUILD/kvfio/installed
	rm -rf "$root"
	mkdir -p "$root"
	kvfio_make all all || return 1
	kvfio_make all DESTDIR="$root" install || return 1
	kvfio_make all DESTDIR="$root" install || return 1 # once more, over itself
	(cd "$root" && find . -type f) | LC_ALL=C sort | diff - <(LC_ALL=C sort <<-LIST
		./lib/modprobe.d/kvfio.conf
		./lib/modules/$KERNEL_VERSION/updates/kvfio.ko
		./lib/modules/$KERNEL_VERSION/updates/kvfio_pci.ko
		./lib/udev/rules.d/60-kvfio.rules
		./usr/include/kvfio/kvfio.h
		./usr/lib/kvfio/$KERNEL_VERSION/vfio-pci.ko
		./usr/lib/kvfio/$KERNEL_VERSION/vfio.ko
	LIST
	) || return 1
	printf '#include <kvfio/kvfio.h>\nint version = KVFIO_VERSION;\n' |
		gcc -std=c99 -pedantic -Wall -Wextra -Werror -I"$root/usr/include" -x c -c -o /dev/null - || return 1
	! modinfo -F alias "$root"/lib/modules/*/updates/*.ko | grep . || return 1
	modinfo -F alias "$root/usr/lib/kvfio/$KERNEL_VERSION/vfio-pci.ko" | grep -qx 'vfio_pci:v\*d\*sv\*sd\*bc\*sc\*i\*' || return 1
	PATH=$PATH:/sbin:/usr/sbin modprobe -C "$root/lib/modprobe.d" -c |
		grep '^install vfio_iommu_type1 .*--ignore-install vfio_iommu_type1' || return 1
	kvfio_make all DESTDIR="$root" uninstall || return 1
	! (cd "$root" && find . -type f -o -type d -name kvfio) | grep . || return 1
	kvfio_check_dkms
}

# Debian's DKMS, unpacked, with folders of its own for everything: it builds and installs kvfio and kvfio_pci, and takes them
# away again.
kvfio_check_dkms()
{
	local work=$BUILD/kvfio/dkms dkms how
	# Elsewhere the compiler is in a chroot, or there are no headers of Debian's.
	[ "$KERNEL" != debug ] && [ "$(kernel_suite)" != trixie-backports ] || return 0
	[ -e "$CACHE/dkms/usr/sbin/dkms" ] || fetch_packages bookworm amd64 "$CACHE/dkms" dkms
	rm -rf "$work" 2>/dev/null || as_root rm -rf "$work"
	mkdir -p "$work/src" "$work/tree" "$work/modules/$KERNEL_VERSION"
	cp -r "$TOP/kvfio" "$work/src/kvfio-0.1.0"
	# It signs what it builds, with a key that it makes; not with one of this machine.
	dkms=(env "mok_signing_key=$work/key" "mok_certificate=$work/certificate" "$CACHE/dkms/usr/sbin/dkms")
	how=(kvfio/0.1.0 --dkmstree "$work/tree" --sourcetree "$work/src" --installtree "$work/modules" -k "$KERNEL_VERSION"
		--kernelsourcedir "$KVFIO_KDIR" --no-depmod)
	as_root "${dkms[@]}" install "${how[@]}" || return 1
	(cd "$work/modules/$KERNEL_VERSION" && find . -type f) | LC_ALL=C sort |
		diff - <(printf '%s\n' ./updates/dkms/kvfio.ko ./updates/dkms/kvfio_pci.ko) || return 1
	as_root "${dkms[@]}" remove "${how[@]}" || return 1
	! find "$work/modules" -type f | grep . || return 1
	as_root rm -rf "$work"
}
