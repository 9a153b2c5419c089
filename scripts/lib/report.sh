# SPDX-License-Identifier: BSD-2-Clause
# One line per test, counted: "ok SUITE NAME", "skip SUITE NAME: why", "FAIL SUITE NAME: why" and the end of its log.

TEST_LOGS=$BUILD/test-logs
N_OK=0
N_FAIL=0
N_SKIP=0
FAILED=()

log_of()
{
	mkdir -p "$TEST_LOGS/$(dirname "$1/$2")"
	printf '%s\n' "$TEST_LOGS/$1/$2.log"
}

# verdict ok|skip|FAIL SUITE NAME [REASON]
verdict()
{
	local what=$1 suite=$2 name=$3 reason=${4:-} log
	log=$(log_of "$suite" "$name")
	printf '%s %s %s%s\n' "$what" "$suite" "$name" "${reason:+: $reason}"
	case $what in
	ok) N_OK=$((N_OK + 1)) ;;
	skip) N_SKIP=$((N_SKIP + 1)) ;;
	*)
		N_FAIL=$((N_FAIL + 1))
		FAILED+=("$suite/$name")
		printf '    the whole log: %s\n' "$log"
		[ ! -s "$log" ] || tail -n 25 "$log" | sed 's/^/    | /'
		;;
	esac
}

# run_test SUITE NAME COMMAND...: a test that is one command; exit code 77 is a skip, whose last line says why.
run_test()
{
	local suite=$1 name=$2 log rc=0
	shift 2
	log=$(log_of "$suite" "$name")
	"$@" >"$log" 2>&1 </dev/null || rc=$?
	case $rc in
	0) verdict ok "$suite" "$name" ;;
	77) verdict skip "$suite" "$name" "$(tail -n 1 "$log")" ;;
	*) verdict FAIL "$suite" "$name" "exit code $rc" ;;
	esac
}

# proof TEST RESULT: a row of docs/proof.md, where results of long runs are kept.
proof()
{
	local file=$TOP/docs/proof.md commit
	commit=$(git -C "$TOP" rev-parse --short HEAD 2>/dev/null || echo unknown)
	git -C "$TOP" diff --quiet HEAD -- . ':!docs/proof.md' 2>/dev/null || commit="$commit, changed"
	if [ ! -e "$file" ]; then
		cat >"$file" <<-TEXT
			<!-- SPDX-License-Identifier: BSD-2-Clause -->
			# Proof

			What long runs (\`scripts/test --long\`) found, a row for each, written by the run itself.

			| date | commit | test | result |
			|---|---|---|---|
		TEXT
	fi
	printf '| %s | %s | %s | %s |\n' "$(date -u +%F)" "$commit" "$1" "$2" >>"$file"
}

# The closing line, and the exit code of the whole run.
report_end()
{
	if [ ${#FAILED[@]} -gt 0 ]; then
		printf 'failed: %s\n' "${FAILED[*]}"
	fi
	printf '%d passed, %d failed, %d skipped\n' "$N_OK" "$N_FAIL" "$N_SKIP"
	[ "$N_FAIL" = 0 ]
}
