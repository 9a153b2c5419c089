# SPDX-License-Identifier: BSD-2-Clause
# Two network namespaces joined by TAP interfaces through two cards and vireo-fwd: the kernel's stack talks to itself.
# seconds: 180

BUILD=$WORK
mkdir -p "$BUILD/vm"
exec {VM_LOCK_FD}</dev/null # taps.sh keeps a lock from its children
VM_LOCK_FD=$VM_LOCK_FD
die()
{
	fail "$*"
}
. "$TOP/scripts/lib/taps.sh"
# The interfaces belong to namespaces that an ordinary user of root's cannot enter.
AS_USER=()

# start_all MTU
start_all()
{
	rm -f sim.json
	start sim nsenter -t "$TAP_HOME" "${TAP_USER[@]}" -n "$VIREO_SIM" --json=sim.json a.sock=tap:vtap0 b.sock=tap:vtap1
	SIM=$STARTED
	wait_for 10 sim_is_up
	host_taps_up "$1"
	start fwd "$VIREO_FWD" --json=fwd.json --mtu "$1" --adaptive vfio-user:a.sock vfio-user:b.sock
	FWD=$STARTED
	wait_for 20 taps_in "$TAP_LEFT" busybox ping -c 1 -W 1 10.0.0.2 >/dev/null
}

stop_all()
{
	stop "$FWD" || fail "vireo-fwd ended with exit code $?: $(cat fwd.err)"
	kill -TERM "$(pgrep -P "$SIM" -x vireo-sim || echo "$SIM")"
	wait "$SIM" || fail "vireo-sim ended with exit code $?"
	jq -c '.ports[] | [.port, .rx_packets, .tx_packets, .drops]' sim.json
}

# iperf FROM TO-ADDRESS: Gbit/s.
iperf()
{
	taps_in "$TAP_RIGHT" timeout 20 iperf3 -s -1 >iperf-server.out 2>&1 &
	sleep 0.5
	taps_in "$TAP_LEFT" timeout 20 iperf3 -c 10.0.0.2 -t 3 --json >iperf.json
	wait $!
	jq -r '.end.sum_received.bits_per_second / 1e7 | floor / 100' iperf.json
}

for mtu in 1500 9000; do
	taps_create >reason || skip "$(cat reason)"
	start_all "$mtu"
	host_taps_ping 5 56
	host_taps_ping 3 "$((mtu - 28))"
	host_taps_tcp 8
	echo "figure: TCP at MTU $mtu $(iperf) Gbit/s"
	stop_all
done
