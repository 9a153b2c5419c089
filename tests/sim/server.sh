# SPDX-License-Identifier: BSD-2-Clause
# vireo-sim as a program: wrong words, sockets in use, no permission, a server or a client that is killed.
# seconds: 120

expect_exit 2 "at least one port" "$VIREO_SIM"
expect_exit 2 "no kind of wire" "$VIREO_SIM" a.sock=nonsense
expect_exit 2 "between 64" "$VIREO_SIM" a.sock=gen,size=1
expect_exit 2 "two ports on the socket" "$VIREO_SIM" a.sock=gen a.sock=sink
expect_exit 2 "has no option" "$VIREO_SIM" a.sock=sink,rate=1M
expect_exit 2 "--fault" "$VIREO_SIM" --fault 5s: a.sock=sink
expect_exit 2 "no fault of this name" "$VIREO_SIM" --fault nonsense a.sock=sink
expect_exit 2 "there is no port3" "$VIREO_SIM" --fault port3:all-ones a.sock=sink
expect_exit 2 "nowhere" "$VIREO_SIM" --file nowhere a.sock=sink
expect_exit 2 "at most 107" "$VIREO_SIM" "$(printf 'x%.0s' {1..200})=sink"
printf '# two cards\n\nport a.sock=sink\nnonsense 1\n' >bad.conf
expect_exit 2 "bad.conf:4" "$VIREO_SIM" --file bad.conf
mkdir -p closed
chmod 555 closed
[ -w closed ] && [ ${#AS_USER[@]} = 0 ] ||
	expect_exit 5 "no permission" "$VIREO_SIM" closed/a.sock=sink

printf '# two cards\n\nport a.sock=gen,rate=1k\n port b.sock=sink  \nthreads 2\nfault 1s-2s:port0:link-never-comes\n' >good.conf
sim_start --file good.conf
expect_exit 6 "serves this socket already" "$VIREO_SIM" a.sock=sink

# The client is killed in the middle; the next one finds the card as new.
for _ in 1 2 3; do
	start fwd "$VIREO_FWD" vfio-user:a.sock vfio-user:b.sock
	fwd=$STARTED
	wait_for 20 grep -q 'link up' fwd.out
	stop "$fwd" KILL && fail "vireo-fwd outlived a KILL"
done
as_user "$VIREO_FWD" --json=fwd.json --duration 3s vfio-user:a.sock vfio-user:b.sock >fwd.out
at_least "received after three crashes" "$(json fwd.json '.ports[0].rx_packets')" 100

# The server is killed: the client says so and ends, and the next server takes the socket over.
start fwd "$VIREO_FWD" vfio-user:a.sock vfio-user:b.sock
fwd=$STARTED
wait_for 20 grep -q 'link up' fwd.out
stop "$SIM" KILL && fail "vireo-sim outlived a KILL"
rc=0
wait "$fwd" || rc=$?
is "exit code of a client whose server was killed" "$rc" 12
[ -S a.sock ] || fail "a killed server cannot have removed its socket"
sim_start a.sock=gen,rate=1k b.sock=sink
sim_stop >/dev/null
[ ! -e a.sock ] && [ ! -e b.sock ] || fail "vireo-sim left its sockets behind"

# Signals end it in good order.
for signal in INT TERM HUP; do
	sim_start --threads 3 a.sock=gen b.sock=sink c.sock=echo
	stop "$SIM" "$signal" || fail "SIG$signal: exit code $?"
	[ ! -e a.sock ] && [ ! -e b.sock ] && [ ! -e c.sock ] || fail "SIG$signal left sockets behind"
done
sim_start --duration 500ms a.sock=gen
wait "$SIM" || fail "--duration: exit code $?"
