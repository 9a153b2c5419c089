# SPDX-License-Identifier: BSD-2-Clause
# vhost-user ports whose other half is Debian's dpdk-testpmd, which is killed in the middle of a stream of numbered packets and started
# again: what is lost was in flight, nothing comes twice, and it goes on. Either side listens; rings of both kinds. As an ordinary
# user, without hugepages.
# seconds: 180

command -v dpdk-testpmd >/dev/null || skip "dpdk-testpmd is missing: apt-get install dpdk"

. "$TOP/tests/sim/lib-stream.sh"

# testpmd ends with its standard input; this one never says anything.
mkfifo -m 666 silent

# backend_start VDEV-OPTION QUEUES: testpmd, once it sends back what comes out of a.sock; its id is $BACKEND. (With two sockets it would
# throw away what comes before the second one is there again.)
backend_start()
{
	local end=$1 queues=$2
	# shellcheck disable=SC2016 # for the inner shell
	start backend bash -c 'exec env XDG_RUNTIME_DIR="$1" stdbuf -oL dpdk-testpmd "${@:2}" <>silent' - "$WORK" --no-huge --no-pci --no-telemetry -m 256 -l 0,1 \
		--file-prefix "vh$$" --vdev "net_vhost0,iface=$WORK/a.sock,queues=$queues$end" -- \
		--rxq="$queues" --txq="$queues" --nb-cores=1 --total-num-mbufs=8192 --no-flush-rx --forward-mode=io
	BACKEND=$STARTED
	wait_for 40 backend_forwards
}

backend_forwards()
{
	kill -0 "$BACKEND" 2>/dev/null || { cat backend.out backend.err; fail "testpmd ended"; }
	grep -qi 'press enter to exit' backend.out
}

backend_kill()
{
	stop "$BACKEND" KILL && fail "testpmd outlived a KILL"
	echo "+ kill -9 testpmd"
}

# stream TEXT END-OF-TESTPMD END-OF-OURS [QUEUES]: packets of pktgen through testpmd and back, before and after it was killed.
stream()
{
	local theirs=$2 ours=$3 queues=${4:-1} before IN_FLIGHT=$((IN_FLIGHT * ${4:-1}))
	echo "--- $1"
	rm -f a.sock
	[ -n "$theirs" ] || backend_start "" "$queues"
	stream_start "vhost-user:$WORK/a.sock$ours" --queues "$queues"
	[ -z "$theirs" ] || backend_start "$theirs" "$queues"
	wait_for 40 more_than 1000
	backend_kill
	before=$(verified)
	# DPDK takes no path that is there, as a killed process leaves it.
	[ -n "$theirs" ] || rm -f a.sock
	backend_start "$theirs" "$queues"
	wait_for 40 more_than $((before + 3000))
	stream_end "$1"
	at_least "queues that sent" "$(jq '[.tx[] | select(.packets > 500)] | length' pktgen.json)" "$queues"
	backend_kill
}

stream "we connect, split" "" ",packed=off"
stream "we listen, packed in order" ",client=1" ",server"
stream "two queues" "" "" 2
