# SPDX-License-Identifier: BSD-2-Clause
# Suite unit: the CMocka programs of tests/unit, three times over: with the address and undefined-behaviour sanitizers,
# those with threads under the thread sanitizer, and built for arm64 under user-mode emulation.

UNIT_WAYS=(asan tsan arm64)

unit_list()
{
	need_packages "building and testing vireo" "${PACKAGES_BUILD[@]}"
	unit_names asan
	unit_names tsan
	unit_names arm64
}

# The tests are those that Meson knows; the plain build answers for all ways, arm64's own for what it leaves out.
unit_names()
{
	local way=$1 build
	build=$(unit_setup "$way") || exit 1
	meson introspect --tests "$BUILD/$build" | jq -r '.[] | select(.suite[] | endswith("unit")) |
		.name + " " + if any(.cmd[]; contains("/tests/test_")) then "program" else "script" end' | sort -u |
		while read -r name kind; do
			# Scripts are the same however the C code is built: once is enough.
			[ "$way" = asan ] || [ "$kind" = program ] || continue
			[ "$way" != tsan ] || unit_has_threads "$name" || continue
			echo "$way/$name"
		done
}

unit_has_threads()
{
	grep -lqE 'pthread_create|vireo_housekeeper_start|sim_engine_create' "$TOP/tests/unit/test_$1.c" 2>/dev/null
}

# Configures the build of a way, prints the folder's name.
unit_setup()
{
	local small=(-Dapps=disabled -Dman=disabled -Dbench=false)
	case $1 in
	asan)
		need_packages "the sanitizers" "${PACKAGES_SANITIZERS[@]}"
		meson_setup asan -Db_sanitize=address,undefined -Dman=disabled -Dbench=false
		;;
	tsan)
		need_packages "the sanitizers" "${PACKAGES_SANITIZERS[@]}"
		meson_setup tsan -Db_sanitize=thread "${small[@]}"
		;;
	arm64)
		need_packages "the arm64 build" "${PACKAGES_ARM64[@]}"
		arm64_prepare
		meson_setup arm64 --cross-file "$BUILD/arm64.cross" -Dnuma=disabled -Dhugetlbfs=disabled "${small[@]}"
		;;
	esac
	echo "$1"
}

# CMocka for arm64 is unpacked below the cache, never installed.
arm64_prepare()
{
	local root=$CACHE/arm64 suite
	suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	if [ ! -e "$root/ready" ]; then
		fetch_packages "${suite:-bookworm}" arm64 "$root" libcmocka0 libcmocka-dev
		touch "$root/ready"
	fi
	cat >"$BUILD/arm64.cross" <<-INI
		# SPDX-License-Identifier: BSD-2-Clause
		[binaries]
		c = 'aarch64-linux-gnu-gcc'
		ar = 'aarch64-linux-gnu-ar'
		strip = 'aarch64-linux-gnu-strip'
		pkgconfig = 'pkg-config'
		exe_wrapper = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu', '-E', 'LD_LIBRARY_PATH=$root/usr/lib/aarch64-linux-gnu']
		[properties]
		sys_root = '$root'
		pkg_config_libdir = '$root/usr/lib/aarch64-linux-gnu/pkgconfig'
		[host_machine]
		system = 'linux'
		cpu_family = 'aarch64'
		cpu = 'aarch64'
		endian = 'little'
	INI
}

unit_prepare()
{
	:
}

unit_run()
{
	local way name names
	for way in "${UNIT_WAYS[@]}"; do
		names=()
		for name in "$@"; do
			[ "${name%%/*}" != "$way" ] || names+=("${name#*/}")
		done
		[ ${#names[@]} = 0 ] || unit_run_way "$way" "${names[@]}"
	done
}

# Meson runs them side by side; the verdicts are read from its log, one object per line and test.
unit_run_way()
{
	local way=$1 build name result
	local log=$BUILD/$1/meson-logs/testlog.json
	shift
	step "build $way" ninja -C "$BUILD/$way" "${UNIT_TARGETS[@]+"${UNIT_TARGETS[@]}"}"
	rm -f "$log"
	env ASAN_OPTIONS=abort_on_error=0:detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		TSAN_OPTIONS=halt_on_error=1 ${LONG:+VIREO_TEST_CYCLES=1000} \
		meson test -C "$BUILD/$way" --no-rebuild --timeout-multiplier 4 "$@" >"$BUILD/logs/unit-$way.log" 2>&1 </dev/null ||
		true
	for name in "$@"; do
		result=
		if [ -e "$log" ]; then
			jq -r --arg name "$name" 'select(.name == $name or (.name | endswith(" " + $name))) |
				.stdout // "", .stderr // ""' "$log" >"$(log_of unit "$way/$name")"
			result=$(jq -r --arg name "$name" 'select(.name == $name or (.name | endswith(" " + $name))) | .result' "$log")
		fi
		case $result in
		OK) verdict ok unit "$way/$name" ;;
		SKIP) verdict skip unit "$way/$name" "$(grep -m 1 -oiE '(# ?skip|skip:).*' "$(log_of unit "$way/$name")" || echo "the test skipped itself")" ;;
		*) verdict FAIL unit "$way/$name" "${result:-not run; see $BUILD/logs/unit-$way.log}" ;;
		esac
	done
}
