# SPDX-License-Identifier: BSD-2-Clause
# A vhost-user port whose other half is Debian's Open vSwitch with DPDK, which sends what comes in at a port out of it again, is killed
# in the middle of a stream of numbered packets and started again. It connects to us (dpdkvhostuserclient). It runs as root and on
# hugepages, as it wants to; we do not.
# seconds: 120

[ "$(id -u)" = 0 ] || skip "Open vSwitch wants root and hugepages"

. "$TOP/tests/sim/lib-stream.sh"

# A switch that takes a port polls it before it knows that it may send there: what waits in the ring until then, twice, it throws
# away, and what comes meanwhile.
IN_FLIGHT=$((IN_FLIGHT + 2 * 256 + 200))
STREAM_RATE=1k

# Of 2 MiB: what its pool of packets and its rings take.
PAGES=160
POOL=/sys/kernel/mm/hugepages/hugepages-2048kB
PAGES_BEFORE=$(cat $POOL/nr_hugepages)

pages_back()
{
	echo "$PAGES_BEFORE" >$POOL/nr_hugepages
}

pages_get()
{
	local free
	free=$(cat $POOL/free_hugepages)
	[ "$free" -lt $PAGES ] || return 0
	{ echo $((PAGES_BEFORE + PAGES - free)) >$POOL/nr_hugepages; } 2>/dev/null || skip "there are no hugepages, and none can be made"
	trap 'finish; pages_back' EXIT
	[ "$(cat $POOL/free_hugepages)" -ge $PAGES ] || skip "the system has no $PAGES hugepages of 2 MiB left"
}

# Where it was unpacked, and where its data base and sockets are.
export PATH=$OPENVSWITCH/usr/bin:$OPENVSWITCH/usr/sbin:$OPENVSWITCH/usr/lib/openvswitch-switch-dpdk:$PATH
export OVS_RUNDIR=$WORK OVS_DBDIR=$WORK OVS_PKGDATADIR=$OPENVSWITCH/usr/share/openvswitch

vsctl()
{
	timeout 20 ovs-vsctl --db="unix:$WORK/db.sock" "$@"
}

# As root, unlike what start() starts; everything in this folder. A switch that was killed has forgotten its flows, and packets that
# no flow is for are thrown away, so it gets the port when it has one.
switch_start()
{
	: >vswitchd.log
	ovs-vswitchd-dpdk "unix:$WORK/db.sock" --no-chdir --pidfile="$WORK/vswitchd.pid" >>vswitchd.log 2>&1 &
	SWITCH=$!
	CHILDREN+=("$SWITCH")
	wait_for 40 switch_is_up
	vsctl add-port br0 vh0 -- set interface vh0 type=dpdkvhostuserclient ofport_request=1 "options:vhost-server-path=$WORK/a.sock"
}

switch_is_up()
{
	kill -0 "$SWITCH" 2>/dev/null || { tail -n 20 vswitchd.log; fail "Open vSwitch ended"; }
	[ -S br0.mgmt ] && timeout 20 ovs-ofctl add-flow "unix:$WORK/br0.mgmt" in_port=1,actions=in_port 2>/dev/null
}

switch_kill()
{
	stop "$SWITCH" KILL && fail "Open vSwitch outlived a KILL"
	echo "+ kill -9 Open vSwitch"
	rm -f br0.mgmt
	vsctl --no-wait del-port vh0
}

pages_get
ovsdb-tool create conf.db "$OVS_PKGDATADIR/vswitch.ovsschema"
ovsdb-server "$WORK/conf.db" --remote="punix:$WORK/db.sock" --no-chdir --pidfile="$WORK/ovsdb.pid" >ovsdb.log 2>&1 &
CHILDREN+=("$!")
wait_for 10 test -S db.sock
vsctl --no-wait init
vsctl --no-wait set Open_vSwitch . other_config:dpdk-init=true other_config:pmd-cpu-mask=1 other_config:dpdk-lcore-mask=1 \
	other_config:dpdk-extra="--no-pci --in-memory --no-telemetry --file-prefix=ovs$$ -m 256"
vsctl --no-wait -- add-br br0 -- set bridge br0 datapath_type=netdev
stream_start "vhost-user:$WORK/a.sock,server"
switch_start
wait_for 40 more_than 500
switch_kill
before=$(verified)
switch_start
wait_for 40 more_than $((before + 1500))
stream_end "Open vSwitch $(ovs-vswitchd-dpdk --version | sed -n "s/.*(Open vSwitch) //p")"
