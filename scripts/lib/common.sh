# SPDX-License-Identifier: BSD-2-Clause
# What every script here shares: where things are, how to speak, how to end. Sourced by bash scripts in scripts/.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Everything that is made lies below one folder, so that deleting it is all the cleaning there is.
BUILD=${VIREO_BUILD:-$TOP/build}
# Downloads; may be shared by several trees.
CACHE=${VIREO_CACHE:-$BUILD/cache}
JOBS=$(nproc)

say()
{
	printf '%s\n' "$*" >&2
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# step TEXT COMMAND...: run it with its output in a log; on failure show the log's end and stop.
step()
{
	local text=$1 log
	shift
	log=$BUILD/logs/$(printf '%s' "$text" | tr -c 'a-zA-Z0-9\n' '-').log
	mkdir -p "$BUILD/logs"
	say "-- $text"
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 40 "$log" >&2
		die "\"$text\" failed; the whole output is in $log"
	fi
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root and there is no sudo: run as root: $*"
	fi
}
