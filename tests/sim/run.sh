# SPDX-License-Identifier: BSD-2-Clause
# "vireo-sim run" with programs that are not DPDK: a small one written from VFIO's documentation, vireo-fwd by PCI addresses, and those
# that it has to refuse, by name. It ends as the program ends, and leaves nothing behind.
# seconds: 120

PROGRAMS=$TOP/tests/sim/programs
export TMPDIR=$WORK/tmp
mkdir -m 777 "$TMPDIR"

cc -std=gnu11 -D_GNU_SOURCE -O2 -o vfio_client "$PROGRAMS/vfio_client.c"
for mode in shared trap; do
	as_user "$VIREO_SIM" run -q --json sim.json -w echo,mode=$mode -- ./vfio_client 0000:05:00.0 /dev/vfio/1 200 >client.out
	is "in mode $mode" "$(tail -n 1 client.out)" "200 frames went out and came back"
	is "the card's view" "$(sim_counter 0000:05:00.0 tx_packets) $(sim_counter 0000:05:00.0 driver_errors)" "200 0"
	rm -f sim.json
done

as_user "$VIREO_SIM" run -q --json sim.json -w gen,count=20000,sum -w sink -- \
	"$VIREO_FWD" --json=fwd.json --duration 3s 0000:05:00.0 0000:06:00.0 >fwd.out
is "forwarded by vireo-fwd" "$(json fwd.json '.ports[1].tx_packets') $(sim_counter 0000:06:00.0 tx_packets)" "20000 20000"
is "sum over all bytes" "$(sim_counter 0000:06:00.0 wire_out_sum)" "$(sim_counter 0000:05:00.0 wire_in_sum)"

# Two programs at once have worlds of their own.
start first "$VIREO_SIM" run -q -w echo -- ./vfio_client 0000:05:00.0 /dev/vfio/1 1000
first=$STARTED
as_user "$VIREO_SIM" run -q -w echo -- ./vfio_client 0000:05:00.0 /dev/vfio/1 1000 >second.out
wait "$first" || fail "the first of two ended with exit code $?: $(cat first.err)"

# Nothing can be put in front of these.
cc -static -O1 -o static "$PROGRAMS/raw.c" 2>/dev/null && expect_exit 8 "static is linked statically" "$VIREO_SIM" run -- ./static
cc -std=gnu11 -O1 -o raw "$PROGRAMS/raw.c"
expect_exit 8 "raw makes raw system calls" "$VIREO_SIM" run -- ./raw
echo text >text
chmod 755 text
expect_exit 8 "text is no program" "$VIREO_SIM" run -- ./text
printf '#!%s\n' "$PWD/raw" >script
chmod 755 script
expect_exit 8 "raw makes raw system calls" "$VIREO_SIM" run -- ./script
expect_exit 3 "no program called nobody-has-this" "$VIREO_SIM" run -- nobody-has-this
if [ ${#AS_USER[@]} -gt 0 ]; then
	cp vfio_client owned
	chmod 4755 owned
	expect_exit 8 "set-user-ID" "$VIREO_SIM" run -- ./owned
fi
expect_exit 2 "behind \"--\"" "$VIREO_SIM" run true
expect_exit 2 "no program" "$VIREO_SIM" run -w sink
expect_exit 2 "--wire nothing" "$VIREO_SIM" run -w nothing -- true
expect_exit 2 "--json needs a file" "$VIREO_SIM" run --json=- -- true

# Its end is the program's end.
expect_exit 0 done "$VIREO_SIM" run -q -- sh -c 'echo done'
expect_exit 7 done "$VIREO_SIM" run -q -- sh -c 'echo done; exit 7'
expect_exit 139 done "$VIREO_SIM" run -q -- sh -c 'echo done; kill -SEGV $$'
start sleeper "$VIREO_SIM" run -q -- sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done'
wait_for 10 grep -q up sleeper.out
rc=0
stop "$STARTED" || rc=$?
is "exit code after a signal that was handed on" $rc 9
is "left behind" "$(ls "$TMPDIR")" ""
