# SPDX-License-Identifier: BSD-2-Clause
# A machine without interrupt remapping: devices are refused until the administrator takes the risk. Then INTx on a line that a
# driver of the host has, too: shared where the device can say who it was, refused where it cannot. At last the line is the
# device's alone, and those who cannot share one get it.
# machine: odd
# seconds: 120
# dmesg: interrupts are not isolated|No interrupt remapping support

. /tests/guest/kvfio.sh
kvfio_load
for driver in vfio-pci kvfio-pci; do
	driver_give $driver $E0
	unsafe_interrupts 0
	as_user kvfio-hold "/dev/${driver%-pci}" "$(group_of $E0)" $E0 >/tmp/hold.out 2>&1 || true
	check "without isolated interrupts $driver refuses" grep -q "open = -EPERM" /tmp/hold.out
done
unsafe_interrupts 1

modprobe 8139cp
card=$(nic 52:54:00:00:00:60)
check "the host drives a card on the same line" [ -n "$card" ]
ip link set "$card" up
ip address add 10.9.0.1/24 dev "$card"
ip neigh replace 10.9.0.2 lladdr 52:54:00:00:00:99 dev "$card"
line=$(cat "/sys/bus/pci/devices/$E0/irq")
check "on the same line" [ "$(cat "/sys/bus/pci/devices/$RTL/irq")" = "$line" ]

line_count()
{
	sed -n "s/^ *$line: *\([0-9]*\) *\([0-9]*\) .*/\1 \2/p" /proc/interrupts | { read -r a b; echo $((a + b)); }
}

hold_start()
{
	rm -f /tmp/held
	$AS_USER kvfio-hold /dev/kvfio "$(group_of $E0)" $E0 >/tmp/held 2>&1 </dev/null &
	holder=$!
	wait_for 10 "the user has had its interrupt" grep -q held /tmp/held
}

hold_stop()
{
	kill $holder
	wait $holder || true
}

# PCI_COMMAND_INTX_DISABLE of the 82574
intx_disabled()
{
	word=$(dd if=/sys/bus/pci/devices/$E0/config bs=1 skip=5 count=1 2>/dev/null | hexdump -e '1/1 "%d"')
	[ $((word & 4)) -ne 0 ]
}

# The user's interrupt is pending and masked now; the neighbour's must get through.
hold_start
check "the device itself is masked" intx_disabled
before=$(line_count)
ping -c 5 -i 0.1 -W 1 10.9.0.2 >/dev/null || true
is "interrupts of the neighbour" "$(line_count)" -ge $((before + 5))
is "interrupts of the neighbour, no storm" "$(line_count)" -lt $((before + 1000))
hold_stop

echo 1 >/sys/module/kvfio_pci/parameters/nointxmask
as_user kvfio-hold /dev/kvfio "$(group_of $E0)" $E0 >/tmp/hold.out 2>&1 || true
cat /tmp/hold.out
check "a device that cannot share the line does not get it" grep -q "intx_on = -EBUSY" /tmp/hold.out
device_release "$RTL"
rmmod 8139cp

echo "-- a line of its own"
check "nobody handles interrupts of the line" [ -z "$(cat "/sys/kernel/irq/$line/actions")" ]
# Upstream reads the parameter when it is loaded.
upstream_unload
modprobe vfio-pci nointxmask=1
modprobe vfio_iommu_type1
chmod 666 /dev/vfio/vfio
unsafe_interrupts 1
driver_give kvfio-pci $E0
hold_start
check "the user has the line" [ "$(cat "/sys/kernel/irq/$line/actions")" = kvfio-intx ]
! intx_disabled || fail "the device is masked, not the line"
echo "ok: which is masked, not the device"
hold_stop
for driver in vfio-pci kvfio-pci; do
	driver_give $driver $E0
	before=$(line_count)
	tap kvfio-pci "/dev/${driver%-pci}" "$(group_of $E0)" $E0 intx
	is "interrupts, no storm" $(($(line_count) - before)) -lt 100
	grep -o 'intx.*' /tmp/tap.out >"/tmp/intx.$driver"
done
is "answers about INTx" "$(wc -l </tmp/intx.kvfio-pci)" -gt 15
check "upstream and kvfio give the same answers" diff /tmp/intx.vfio-pci /tmp/intx.kvfio-pci
echo 0 >/sys/module/kvfio_pci/parameters/nointxmask
unsafe_interrupts 0
kvfio_unload
upstream_unload
upstream_load
