# SPDX-License-Identifier: BSD-2-Clause
# Debian packages: what a step needs is installed when it is missing, after saying what and why. Packages of other
# suites and architectures go through an apt configuration of our own below the build folder; /etc/apt stays as it is.

# shellcheck disable=SC2034 # used by the scripts that source this
PACKAGES_BUILD=(meson ninja-build gcc libc6-dev pkg-config libnuma-dev libhugetlbfs-dev libpcap-dev libjson-c-dev
	libcmocka-dev scdoc jq)
# shellcheck disable=SC2034
PACKAGES_HEADERS=(g++ make binutils)
# shellcheck disable=SC2034
PACKAGES_SANITIZERS=(libasan8 libubsan1 libtsan2)
# shellcheck disable=SC2034
PACKAGES_FUZZ=(clang libclang-rt-dev)
# shellcheck disable=SC2034
PACKAGES_ARM64=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static)
# shellcheck disable=SC2034
PACKAGES_SIM=(iproute2 util-linux busybox-static iperf3 procps tcpdump dpdk-dev libunbound8 libxdp1)
# shellcheck disable=SC2034
PACKAGES_KERNEL=(kmod xz-utils zstd)
# shellcheck disable=SC2034
PACKAGES_VM=(qemu-system-x86 busybox-static kmod cpio iproute2 tcpdump util-linux libc-bin libhugetlbfs-bin)

# shellcheck disable=SC2034
PACKAGES_KVFIO=(make gcc libc6-dev sparse)
# shellcheck disable=SC2034
PACKAGES_DEBUG_KERNEL=(make gcc libc6-dev flex bison bc libelf-dev libssl-dev)

# need_packages WHY PACKAGE...
need_packages()
{
	local why=$1 package missing=()
	shift
	if ! command -v dpkg-query >/dev/null; then
		say "not a Debian system: please make sure that these are installed ($why): $*"
		return 0
	fi
	for package in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "-- installing ${missing[*]} ($why)"
	if ! install_packages "${missing[@]}" >"$BUILD/logs/apt.log" 2>&1; then
		tail -n 20 "$BUILD/logs/apt.log" >&2
		die "could not install ${missing[*]}; install them by hand and start again"
	fi
}

install_packages()
{
	# Somebody else may be installing just now.
	local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)

	# Package lists may be missing or older than what the mirror holds: a fresh list is worth one more try.
	apt-get -s install --no-install-recommends "$@" >/dev/null 2>&1 || as_root "${apt[@]}" update
	as_root "${apt[@]}" install --no-install-recommends "$@" && return 0
	as_root "${apt[@]}" update && as_root "${apt[@]}" install --no-install-recommends "$@"
}

# The mirror that this machine uses, by what its address ends with ("debian" or "debian-security"); nothing if it has none.
mirror_uri()
{
	local uri
	uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
		grep -v '^[[:space:]]*#' | grep -oE "[a-z+]+://[^[:space:]]*/$1/?([[:space:]]|\$)" | head -n 1 | tr -d '[:space:]') || true
	printf '%s\n' "$uri"
}

# apt_private SUITE ARCH COMMAND...: apt with lists, cache and sources of its own. COMMAND is a word of apt-get, or
# "cache" followed by one of apt-cache. ARCH may be "source".
apt_private()
{
	local suite=$1 arch=$2 tool=apt-get
	local dir=$CACHE/apt/$suite-$arch
	shift 2
	if [ ! -e "$dir/ready" ]; then
		apt_private_create "$dir" "$suite" "$arch"
	fi
	if [ "$1" = cache ]; then
		tool=apt-cache
		shift
	fi
	env APT_CONFIG="$dir/apt.conf" "$tool" -q "$@"
}

apt_private_create()
{
	local dir=$1 suite=$2 arch=$3 base=${2%%-*} key=/usr/share/keyrings/debian-archive-keyring.gpg
	local from="deb [arch=$arch signed-by=$key]" mirror security

	if [ "$arch" = source ]; then
		from="deb-src [signed-by=$key]"
		arch=$(dpkg --print-architecture)
	fi
	mirror=$(mirror_uri debian)
	security=$(mirror_uri debian-security)
	[ -n "$mirror" ] || die "apt's sources name no mirror of Debian"

	say "-- package lists of Debian $suite for $arch, below $dir"
	rm -rf "$dir"
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial" "$dir/etc/preferences.d"
	: >"$dir/status"
	{
		echo "$from $mirror $suite main"
		[ "$suite" != "$base" ] || [ -z "$security" ] || echo "$from $security $suite-security main"
	} >"$dir/etc/sources.list"
	cat >"$dir/apt.conf" <<-CONF
		Dir::State "$dir/state";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		Dir::Etc::sourcelist "$dir/etc/sources.list";
		Dir::Etc::sourceparts "$dir/etc/none";
		Dir::Etc::preferences "$dir/etc/none";
		Dir::Etc::preferencesparts "$dir/etc/preferences.d";
		APT::Architecture "$arch";
		APT::Architectures { "$arch"; };
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
	CONF
	mkdir -p "$BUILD/logs"
	if ! env APT_CONFIG="$dir/apt.conf" apt-get -q update >"$BUILD/logs/apt-$suite-$arch.log" 2>&1; then
		tail -n 20 "$BUILD/logs/apt-$suite-$arch.log" >&2
		die "could not read the package lists of Debian $suite for $arch: is the network there?"
	fi
	touch "$dir/ready"
}

# fetch_packages SUITE ARCH DIR PACKAGE...: download and unpack, without installing anything.
fetch_packages()
{
	local suite=$1 arch=$2 dir=$3 deb downloads=$CACHE/debs/$1-$2
	shift 3
	apt_private "$suite" "$arch" -h >/dev/null
	mkdir -p "$dir" "$downloads"
	# Only what is downloaded now is unpacked, whatever else lies in the cache.
	for package in "$@"; do
		rm -f "$downloads/${package}_"*.deb
		(cd "$downloads" && apt_private "$suite" "$arch" download "$package") >>"$BUILD/logs/apt-$suite-$arch.log" 2>&1 ||
			die "could not download $package of Debian $suite for $arch"
		for deb in "$downloads/${package}_"*.deb; do
			dpkg -x "$deb" "$dir"
			rm -f "$deb"
		done
	done
}

# source_version SUITE PACKAGE: the newest version of a source package.
source_version()
{
	apt_private "$1" source cache showsrc "$2" | sed -n 's/^Version: //p' | sort -V | tail -n 1
}

# fetch_source SUITE PACKAGE DIR: download a source package, and unpack it with its patches as DIR.
fetch_source()
{
	local suite=$1 package=$2 dir=$3 downloads=$CACHE/debs/$1-source
	mkdir -p "$downloads"
	# apt has checked the signature of the lists and the sums of the files; dpkg-source need not know the maintainer's key.
	(cd "$downloads" && rm -f "${package}_"* && apt_private "$suite" source source --download-only "$package" &&
		rm -rf "$dir" && dpkg-source --no-check --no-copy -x "${package}_"*.dsc "$dir") ||
		die "could not fetch the source of $package of Debian $suite"
	rm -f "$downloads/${package}_"*
}
