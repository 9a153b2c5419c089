# SPDX-License-Identifier: BSD-2-Clause
# The kernel module, built for the guest's kernel (KERNEL, after kernel_prepare): never for the machine that this runs on.

KVFIO_CHROOT=$CACHE/chroot-trixie

# The headers that belong to the guest's kernel, unpacked, never installed; sets KVFIO_KDIR.
kvfio_headers()
{
	local dir=$CACHE/headers-$KERNEL_VERSION suite
	if [ "$KERNEL" = debug ]; then
		KVFIO_KDIR=$DEBUG_KERNEL_BUILD
		return 0
	fi
	suite=$(kernel_suite)
	KVFIO_KDIR=$dir/usr/src/linux-headers-$KERNEL_VERSION
	[ "$suite" != trixie-backports ] || kvfio_chroot_prepare
	[ ! -e "$dir/ready" ] || return 0
	rm -rf "$dir"
	# shellcheck disable=SC2046
	fetch_packages "$suite" amd64 "$dir" "linux-headers-$KERNEL_VERSION" \
		$(apt_private "$suite" amd64 cache depends "linux-headers-$KERNEL_VERSION" |
			sed -n 's/^ *Depends: *\(linux-\(headers\|kbuild\)-[0-9][^ ]*\).*/\1/p')
	# The packages know each other by absolute paths.
	sed -i "s#/usr/src/#$dir/usr/src/#" "$KVFIO_KDIR/Makefile"
	# Debian's package of Linux 7 lacks the script by which its Makefile asks whether sparse will do, and takes that for a no.
	[ "$suite" != trixie-backports ] || {
		printf '%s\n' '#!/bin/sh' 'echo 1' >"$KVFIO_KDIR/scripts/checker-valid.sh"
		chmod +x "$KVFIO_KDIR/scripts/checker-valid.sh"
	}
	touch "$dir/ready"
}

# The compiler and the C library that the newest headers want, in a folder of their own.
kvfio_chroot_prepare()
{
	local mirror
	[ ! -e "$KVFIO_CHROOT/ready" ] || return 0
	need_packages "a chroot with the compiler for Linux 7" debootstrap
	mirror=$(mirror_uri debian)
	[ -n "$mirror" ] || die "apt's sources name no mirror of Debian"
	as_root rm -rf "$KVFIO_CHROOT"
	step "chroot of Debian trixie" as_root env PATH="$PATH:/usr/sbin:/sbin" debootstrap --variant=minbase \
		--include=make,libc6-dev,gcc-14,binutils,sparse,libelf1t64 trixie "$KVFIO_CHROOT" "$mirror"
	as_root touch "$KVFIO_CHROOT/ready"
}

# kvfio_in_chroot COMMAND...: as this user, with what lies below the build and cache folders under the same names as outside.
# The mounts are seen by nobody else and end with the command.
kvfio_in_chroot()
{
	# shellcheck disable=SC2016
	as_root unshare -m --propagation private sh -ec '
		root=$1 user=$2 build=$3 cache=$4
		shift 4
		for dir in "$build" "$cache"; do
			mkdir -p "$root$dir"
			mount --bind "$dir" "$root$dir"
		done
		mount -t proc proc "$root/proc" # objtool asks it for limits
		exec chroot --userspec="$user" "$root" env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin "$@"
	' sh "$KVFIO_CHROOT" "$(id -u):$(id -g)" "$BUILD" "$CACHE" "$@"
}

# kvfio_make WAY WORD...: in a copy for each WAY of building, because the kernel's build system writes beside the sources.
kvfio_make()
{
	local dir=$BUILD/kvfio/$KERNEL_VERSION/$1 how=()
	shift
	[ "$KERNEL" = debug ] || [ "$(kernel_suite)" != trixie-backports ] || how=(kvfio_in_chroot)
	mkdir -p "$dir"
	# rsync would do it; this does with what is there. Files that have left the tree must leave the copy.
	(cd "$dir" && find . -name '*.[ch]' | while read -r file; do
		[ -e "$TOP/kvfio/$file" ] || case $file in *.mod.c) ;; *) rm -f "$file" ;; esac
	done)
	cp -ru "$TOP/kvfio/." "$dir/"
	"${how[@]}" make -j"$JOBS" -C "$dir" KDIR="$KVFIO_KDIR" "$@"
}

# Nothing of ours has a warning at the level that the kernel's own developers use, nor one of sparse, built either way.
# Warnings in headers of the kernel are not ours.
kvfio_check()
{
	local log=$BUILD/kvfio/check.out debug other='linux-(headers|source)-[^:]*:|pahole version|jobserver unavailable'
	# Debian's sparse is older than Linux 7: a word of the headers is new to it (types without qualifiers are all the same to
	# it), and it cannot compute the lengths that MODULE_LICENSE() and its like assert.
	[ "$KERNEL" != 7 ] || other="$other|error: bad constant expression"
	mkdir -p "$BUILD/kvfio"
	for debug in "" KCFLAGS=-DDEBUG; do
		rm -rf "$BUILD/kvfio/$KERNEL_VERSION/check"
		kvfio_make check check CF=-D__typeof_unqual__=__typeof__ ${debug:+"$debug"} >"$log" 2>&1 || { cat "$log"; return 1; }
		cat "$log"
		! grep -iE '(warning|error):' "$log" | grep -vE "$other" || return 1
	done
}
