# SPDX-License-Identifier: BSD-2-Clause
# Functions for scenarios in which Debian's dpdk-testpmd drives simulated cards ("vireo-sim run"); after lib.sh.

command -v dpdk-testpmd >/dev/null || skip "dpdk-testpmd is missing: apt-get install dpdk-dev"

# To everybody: while DPDK starts a port it takes the port's own address away for a moment and gives it back, and a generator that
# waits for nothing but descriptors would run dry in that moment.
ALL=ff:ff:ff:ff:ff:ff

# pmd_start WIRE... -- TESTPMD-OPTION...: testpmd on cards plugged into these wires, in interactive mode, once it takes commands. It
# runs as an ordinary user, without hugepages, and says each line when it has it (stdbuf). After a start with frames
# waiting, none is thrown away.
pmd_start()
{
	local wires=()
	while [ "$1" != -- ]; do
		wires+=(--wire "$1")
		shift
	done
	shift
	rm -f pmd.in pmd.json
	mkfifo -m 666 pmd.in
	: >pmd.out
	chmod 666 pmd.out
	echo "+ vireo-sim run ${wires[*]} -- dpdk-testpmd $*"
	XDG_RUNTIME_DIR=$WORK "${AS_USER[@]}" "$VIREO_SIM" run -q --json pmd.json "${wires[@]}" -- stdbuf -oL dpdk-testpmd \
		--no-huge -m 256 -l 0,1 --no-telemetry --file-prefix "sim$$" --log-level=pmd.net.ixgbe.init:debug -- \
		-i --total-num-mbufs=8192 --no-lsc-interrupt --no-flush-rx "$@" <pmd.in >pmd.out 2>&1 &
	PMD=$!
	CHILDREN+=("$PMD")
	exec 9>pmd.in
	wait_for 40 pmd_prompts 1
}

# pmd_prompts N: so many were shown.
pmd_prompts()
{
	kill -0 "$PMD" 2>/dev/null || { cat pmd.out; fail "testpmd ended"; }
	[ "$(grep -o 'testpmd>' pmd.out | wc -l)" -ge "$1" ]
}

# pmd COMMAND: until testpmd has done it; what it says is in pmd.said.
pmd()
{
	local from prompts
	from=$(wc -c <pmd.out)
	prompts=$(grep -o 'testpmd>' pmd.out | wc -l)
	echo "+ testpmd> $*"
	echo "$*" >&9
	wait_for 40 pmd_prompts $((prompts + 1))
	tail -c "+$((from + 1))" pmd.out >pmd.said
	! grep -qE 'Bad arguments|Command not found|Ambiguous command' pmd.said || { cat pmd.said; fail "testpmd does not know: $*"; }
}

# pmd_forward MODE: begins. What does not fit into the ring at once is tried again, for testpmd would drop it.
pmd_forward()
{
	pmd "set fwd $1 retry"
	pmd "set burst tx delay 100 retry 100000"
	pmd start
}

# pmd_link PORT: is up.
pmd_link()
{
	pmd "show port info $1"
	grep -q '^Link status: up' pmd.said
}

# pmd_read: its statistics of all ports, into stats.0, stats.1 ... as "name value" lines.
pmd_read()
{
	local port
	for port in 0 1; do
		pmd "show port xstats $port"
		sed -n 's/^\([a-z0-9_]*\): \([0-9]*\)$/\1 \2/p' pmd.said >"stats.$port"
	done
}

# pmd_stat PORT NAME
pmd_stat()
{
	awk -v name="$2" '$1 == name { print $2; found = 1 } END { exit !found }' "stats.$1" || fail "port $1 has no xstat $2"
}

# pmd_has_sent N: port 1's counters say that all was forwarded.
pmd_has_sent()
{
	pmd_read
	[ "$(pmd_stat 1 tx_good_packets)" -ge "$1" ]
}

# pmd_quit: in good order; the report of cards and wires is sim.json, for sim_counter.
pmd_quit()
{
	local rc=0
	echo quit >&9
	exec 9>&-
	wait "$PMD" || rc=$?
	[ $rc = 0 ] || { tail -n 40 pmd.out; fail "testpmd ended with exit code $rc"; }
	cp pmd.json sim.json
	jq -c '.ports[]' sim.json
	is "mistakes that the card has seen" "$(sim_counter 0000:05:00.0 driver_errors) $(sim_counter 0000:06:00.0 driver_errors)" "0 0"
	is "refused accesses" "$(sim_counter 0000:05:00.0 dma_refused) $(sim_counter 0000:06:00.0 dma_refused)" "0 0"
}

# pmd_agrees FRAMES: testpmd, the wire behind port 0 and that behind port 1 counted the same.
pmd_agrees()
{
	local bytes
	bytes=$(sim_counter 0000:05:00.0 rx_bytes)
	is "came" "$(sim_counter 0000:05:00.0 rx_packets)" "$1"
	is "received by testpmd" "$(pmd_stat 0 rx_good_packets)" "$1"
	is "bytes" "$(pmd_stat 0 rx_good_bytes)" "$bytes"
	is "sent by testpmd" "$(pmd_stat 1 tx_good_packets)" "$1"
	is "left" "$(sim_counter 0000:06:00.0 tx_packets)" "$1"
}
