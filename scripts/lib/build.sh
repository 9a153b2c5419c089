# SPDX-License-Identifier: BSD-2-Clause
# The build folders, one per way of building. Each is configured once and brought up to date from then on.

# meson_setup NAME SETUP_OPTION...
meson_setup()
{
	local name=$1
	shift
	if [ ! -e "$BUILD/$name/build.ninja" ]; then
		rm -rf "${BUILD:?}/$name"
		step "configure $name" meson setup "$BUILD/$name" "$TOP" "$@"
	else
		# Again, if a meson.build changed; says nothing when there is nothing to do.
		ninja -C "$BUILD/$name" build.ninja >"$BUILD/logs/configure-$name.log" 2>&1 ||
			die "could not configure again; see $BUILD/logs/configure-$name.log"
	fi
}

# With the prefix of a system installation: this is also what goes into the test machine.
build_plain()
{
	meson_setup plain --prefix=/usr --libdir=lib/x86_64-linux-gnu
	step "build plain" ninja -C "$BUILD/plain"
}
