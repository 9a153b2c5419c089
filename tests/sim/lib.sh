# SPDX-License-Identifier: BSD-2-Clause
# Functions for scenarios on simulated cards. A scenario runs in a folder of its own, WORK, under bash -euo pipefail; the
# first check that does not hold ends it. "# seconds: N" is its deadline. What it starts is stopped at the end.

VIREO_SIM=$BUILD_PLAIN/apps/sim/vireo-sim
VIREO_FWD=$BUILD_PLAIN/apps/fwd/vireo-fwd
VIREO_PKTGEN=$BUILD_PLAIN/apps/pktgen/vireo-pktgen
# Works everywhere; what pages of 4 KiB cost does not matter here.
export VIREO_PAGE_SIZE=4K

cd "$WORK"
CHILDREN=()

# An ordinary user: ourselves, or for root somebody who can read the tree.
AS_USER=()
if [ "$(id -u)" = 0 ]; then
	AS_USER=(setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all --bounding-set=-all)
	chmod 777 "$WORK"
	"${AS_USER[@]}" test -x "$VIREO_FWD" || { echo "user 1000 cannot read the tree"; AS_USER=(); }
fi

finish()
{
	local child
	for child in ${CHILDREN[@]+"${CHILDREN[@]}"}; do
		kill -TERM "$child" 2>/dev/null || true
	done
	for child in ${CHILDREN[@]+"${CHILDREN[@]}"}; do
		wait "$child" 2>/dev/null || true
	done
	! declare -F taps_destroy >/dev/null || taps_destroy
}
trap finish EXIT
trap 'exit 143' TERM

fail()
{
	echo "FAILED: $*"
	exit 1
}

skip()
{
	echo "$*"
	exit 77
}

# as_user COMMAND...
as_user()
{
	"${AS_USER[@]}" "$@"
}

# start NAME COMMAND...: in the background as an ordinary user; output in NAME.out and NAME.err, its id in $STARTED.
start()
{
	local name=$1
	shift
	echo "+ $*"
	# Now and not by the child: whoever waits for a word in them must not find that of a run before.
	: >"$name.out"
	: >"$name.err"
	"${AS_USER[@]}" "$@" >>"$name.out" 2>>"$name.err" &
	STARTED=$!
	CHILDREN+=("$STARTED")
}

# stop ID [SIGNAL]: and wait; returns its exit code.
stop()
{
	kill "-${2:-TERM}" "$1" 2>/dev/null || true
	wait "$1"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for()
{
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || fail "waited in vain for: $*"
		sleep 0.05
	done
}

# sim_start ARGUMENT...: vireo-sim, once all its sockets are there; its id is $SIM, its report sim.json after sim_stop.
sim_start()
{
	rm -f sim.json
	start sim "$VIREO_SIM" --json=sim.json "$@"
	SIM=$STARTED
	wait_for 10 sim_is_up
}

sim_is_up()
{
	kill -0 "$SIM" 2>/dev/null || { cat sim.err; fail "vireo-sim ended"; }
	grep -q '^ready: ' sim.out
}

sim_stop()
{
	stop "$SIM" || fail "vireo-sim ended with exit code $?: $(cat sim.err)"
	jq . sim.json
}

# sim_counter PORT NAME: a counter, or a member such as rx_packets, of a port's last report.
sim_counter()
{
	jq -er --arg p "$1" --arg n "$2" '.ports[] | select(.port == $p) | .[$n] // .counters[$n] // .drops[$n]' sim.json ||
		fail "$1 has no counter $2"
}

# json FILE FILTER
json()
{
	jq -er "$2" "$1" || fail "$1 has no $2: $(cat "$1")"
}

# is WHAT A B: the same text.
is()
{
	[ "$2" = "$3" ] || fail "$1: $2, and not $3"
	echo "$1: $2"
}

# at_least WHAT A B
at_least()
{
	[ "$2" -ge "$3" ] || fail "$1: $2 is less than $3"
	echo "$1: $2"
}

# expect_exit CODE PART COMMAND...: it ends with CODE, and says PART.
expect_exit()
{
	local code=$1 part=$2 rc=0
	shift 2
	timeout 20 "${AS_USER[@]}" "$@" >expect.out 2>&1 || rc=$?
	[ "$rc" = "$code" ] || { cat expect.out; fail "exit code $rc and not $code: $*"; }
	grep -qF -- "$part" expect.out || { cat expect.out; fail "it does not say \"$part\": $*"; }
	echo "exit code $code: $(head -n 1 expect.out)"
}
