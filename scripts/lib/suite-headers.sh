# SPDX-License-Identifier: BSD-2-Clause
# Suite headers: what a program that links libvireo relies on. Each check is a script in tests/headers/, run with the
# tree in TOP, the build in BUILD_PLAIN and a folder of its own in WORK.

headers_list()
{
	local file
	for file in "$TOP"/include/vireo/*.h; do
		echo "c/$(basename "$file")"
		echo "c++/$(basename "$file")"
	done
	for file in "$TOP"/tests/headers/*.sh; do
		[ "$(basename "$file")" = alone.sh ] || basename "$file" .sh
	done
}

headers_prepare()
{
	need_packages "building and testing vireo" "${PACKAGES_BUILD[@]}" "${PACKAGES_HEADERS[@]}"
	build_plain
}

headers_run()
{
	local name
	export TOP BUILD_PLAIN=$BUILD/plain
	for name in "$@"; do
		export WORK=$BUILD/headers/$name
		rm -rf "$WORK"
		mkdir -p "$WORK"
		case $name in
		c/* | c++/*) run_test headers "$name" bash -eu "$TOP/tests/headers/alone.sh" "${name%%/*}" "${name#*/}" ;;
		*) run_test headers "$name" bash -eu "$TOP/tests/headers/$name.sh" ;;
		esac
	done
}
