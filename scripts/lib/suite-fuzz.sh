# SPDX-License-Identifier: BSD-2-Clause
# Suite fuzz: the libFuzzer programs of tests/fuzz, a few seconds each, or half an hour with --long.

FUZZ_SECONDS=20
FUZZ_LONG_SECONDS=1800

fuzz_list()
{
	sed -n "s/^  '\([a-z0-9_]*\)': \[files(.*/\1/p" "$TOP/tests/fuzz/meson.build"
}

fuzz_prepare()
{
	need_packages "building and testing vireo" "${PACKAGES_BUILD[@]}"
	need_packages "the fuzzers" "${PACKAGES_FUZZ[@]}"
	CC=clang meson_setup fuzz -Dfuzz=true -Dapps=disabled -Dman=disabled -Dtests=disabled -Db_lundef=false \
		-Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link
}

# fuzz_one NAME SECONDS: what it finds to be of interest stays below the build folder, for the next run, which plays all of that
# first, however long it takes.
fuzz_one()
{
	local name=$1 seconds=$2 found=$BUILD/fuzz-corpus/$1
	mkdir -p "$found"
	env UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 timeout "$((seconds + 300))" "$BUILD/fuzz/tests/fuzz/fuzz_$name" \
		-max_total_time="$seconds" -timeout=10 -max_len=4096 -artifact_prefix="$found-" -print_final_stats=1 \
		"$found" "$TOP/tests/fuzz/corpus/$name"
}

fuzz_run()
{
	local name log seconds=$FUZZ_SECONDS
	[ -z "$LONG" ] || seconds=$FUZZ_LONG_SECONDS
	for name in "$@"; do
		log=$(log_of fuzz "$name")
		step "build fuzz_$name" ninja -C "$BUILD/fuzz" "tests/fuzz/fuzz_$name"
		if ! fuzz_one "$name" "$seconds" >"$log" 2>&1 </dev/null; then
			verdict FAIL fuzz "$name" "$(grep -m 1 -oE '(SUMMARY|ERROR|does not hold): .*' "$log" || echo "see the log")"
			continue
		fi
		verdict ok fuzz "$name"
		[ -z "$LONG" ] || proof "fuzz/$name" "$(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/\1 inputs in \2 s, nothing found/p' "$log")"
	done
}
