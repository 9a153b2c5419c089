# SPDX-License-Identifier: BSD-2-Clause
# dpdk-testpmd as Debian ships it, as an ordinary user on the drop-in front: forwarding, link interrupts, sending, receiving;
# on virtio cards, and on an 82574.
# machine: clients
# seconds: 150

. /tests/guest/kvfio.sh

pmd_start()
{
	rm -f /tmp/testpmd.out
	$AS_USER dpdk-testpmd -l 0,1 --in-memory --no-telemetry -a "$1" -a "$2" -- -i --total-num-mbufs=4096 \
		<&6 >/tmp/testpmd.out 2>&1 &
	PMD=$!
	wait_for 30 "testpmd is up" grep -q 'testpmd>' /tmp/testpmd.out
	check "nobody but the user" grep -q '^CapEff:.0*$' /proc/$PMD/status
}

pmd()
{
	echo "$*" >&6
}

# pmd_forwards MODE: one way of forwarding ends, another begins.
pmd_forwards()
{
	pmd stop
	pmd set fwd "$1"
	pmd start
}

pmd_stop()
{
	pmd stop
	pmd quit
	program_ends $PMD 15 0
	cat /tmp/testpmd.out
}

# said N TEXT: testpmd has said it as often as that.
said()
{
	[ "$(grep -c "$2" /tmp/testpmd.out)" -ge "$1" ]
}

wire_has()
{
	[ "$(wire_count left rx_packets)" -gt "$1" ]
}

# received: what the first port says that it has received.
received()
{
	pmd show port stats 0
	sleep 0.3
	sed -n '/NIC statistics for port 0/,$s/.*RX-packets: \([0-9]*\).*/\1/p' /tmp/testpmd.out | tail -n 1
}

received_more_than()
{
	[ "$(received)" -gt "$1" ]
}

upstream_unload
front_load
vfio_bind "$A" "$B" $E0
ns_up 1500
ip -n left link set wire promisc on
mkfifo /tmp/commands
exec 6<>/tmp/commands
for card in "$A" $E0; do
	id=v0
	[ "$card" = "$A" ] || id=e0
	echo "-- $id"
	pmd_start "$card" "$B"
	pmd start
	wait_for 10 "packets pass" left ping -c 1 -W 1 10.0.0.2
	left ping -c 5 -i 0.2 -W 20 10.0.0.2
	host hmp set_link $id off
	wait_for 10 "the interrupt that the link has gone" said 1 "Port 0: link state change event"
	host hmp set_link $id on
	# With the 82574, testpmd and QEMU's model come to one interrupt and no more: on upstream as well.
	if [ $id = v0 ]; then
		wait_for 10 "the interrupt that it is back" said 2 "Port 0: link state change event"
		host hmp set_link $id off
		wait_for 10 "and that it has gone again" said 3 "Port 0: link state change event"
		host hmp set_link $id on
		wait_for 10 "and is back" said 4 "Port 0: link state change event"
	fi
	wait_for 10 "packets pass again" left ping -c 1 -W 1 10.0.0.2
	pmd_forwards txonly
	wait_for 10 "what testpmd sends arrives" wire_has $(($(wire_count left rx_packets) + 2000))
	pmd_forwards rxonly
	before=$(received)
	load_start
	wait_for 10 "testpmd receives what is sent" received_more_than $((before + 2000))
	load_stop
	pmd_stop
done
front_unload
upstream_load
