# SPDX-License-Identifier: BSD-2-Clause
# What scenarios of suite kvfio use besides those of the test machine.

E0=0000:00:06.0 # the 82574

# What only the machine "odd" has.
BARS=0000:00:09.0 # a BAR smaller than a page, one of 4 MiB, and a ROM
RTL=0000:00:0a.0  # a card of the host on the line of the 82574
BARE=$(below 0000:80:00.0 || true) # a card that the IOMMU does not see
NVME=$(below 0000:00:0c.0 || true)

# unsafe_interrupts 0|1: are devices allowed whose interrupts are not isolated? Upstream's and kvfio's.
unsafe_interrupts()
{
	for module in vfio_iommu_type1 kvfio; do
		echo "$1" >/sys/module/$module/parameters/allow_unsafe_interrupts
	done
}

# Which device a kind of stress is for: the 82574 has registers in its first BAR, but QEMU's model of it (7.2) ends with an
# assertion when its interrupts change from one kind to another while it holds one back.
stress_device()
{
	case $1 in
	memory) echo $E0 ;;
	*) echo "$A" ;;
	esac
}

# stress_start DEVICE KIND: races on a device of kvfio, until stress_kill. It is in use when this returns.
stress_start()
{
	rm -f /tmp/stress.out
	$AS_USER kvfio-stress /dev/kvfio "$(group_of "$1")" "$1" "$2" 3600 >/tmp/stress.out 2>&1 &
	STRESS=$!
	wait_for 30 "the device is in use ($2)" grep -q "calls begin" /tmp/stress.out
}

stress_kill()
{
	kill -KILL $STRESS
	wait $STRESS 2>/dev/null || true
}

# is_not_offered DEVICE: kvfio has been told that it goes, and may be waiting for its user. A group that is busy does not say.
is_not_offered()
{
	cat /sys/kernel/debug/kvfio/groups >/tmp/groups
	! grep -qE "^  device $1 |^group [^ ]* busy" /tmp/groups
}

KVFIO=/kvfio # /kvfio/debug: built with fault injection

kvfio_load()
{
	modprobe irqbypass
	for module in kvfio kvfio_pci kvfio_test; do
		[ -d "/sys/module/$module" ] || insmod "$KVFIO/$module.ko"
	done
	chmod 666 /dev/kvfio/kvfio
}

# Everything was given back: no pin is left, no module is held.
kvfio_unload()
{
	for path in /sys/bus/pci/drivers/kvfio-pci/0000:*; do
		[ -e "$path" ] || continue
		echo >"$path/driver_override"
		basename "$path" >/sys/bus/pci/drivers/kvfio-pci/unbind
	done
	rmmod kvfio_pci
	rmmod kvfio_test
	rmmod kvfio
	cat /proc/sys/vm/stat_refresh >/dev/null
	is "pages still pinned" $(($(pins acquired) - $(pins released))) -eq 0
}

# --- The drop-in front ---

upstream_unload()
{
	for address in $(bound_to vfio-pci); do
		device_release "$address"
	done
	for module in vfio_pci vfio_pci_core vfio_iommu_type1 vfio_virqfd vfio; do
		[ ! -d /sys/module/$module ] || rmmod $module || true
	done
	# On newer kernels vfio is only free when all others are gone.
	[ ! -d /sys/module/vfio ] || fail "upstream vfio is still there: $(cat /sys/module/vfio/refcnt)"
}

upstream_load()
{
	modprobe vfio-pci
	modprobe vfio_iommu_type1
	chmod 666 /dev/vfio/vfio
}

FRONT=/usr/lib/kvfio/$(uname -r)

front_load()
{
	kvfio_load
	insmod "$FRONT/vfio.ko"
	insmod "$FRONT/vfio-pci.ko"
	chmod 666 /dev/vfio/vfio
}

front_unload()
{
	for address in $(bound_to vfio-pci); do
		echo >"/sys/bus/pci/devices/$address/driver_override"
		device_release "$address"
	done
	rmmod vfio_pci
	rmmod vfio
	kvfio_unload
}

pins()
{
	sed -n "s/^nr_foll_pin_$1 //p" /proc/vmstat
}

# node_give DIRECTORY GROUP: to the user
node_give()
{
	wait_for 5 "$1/$2 is there" test -c "$1/$2"
	chown 1000:1000 "$1/$2"
}

# driver_give DRIVER ADDRESS: bind it and give it to the user
driver_give()
{
	device_release "$2"
	echo "$1" >"/sys/bus/pci/devices/$2/driver_override"
	echo "$2" >/sys/bus/pci/drivers_probe
	node_give "/dev/${1%-pci}" "$(group_of "$2")"
}

soft_group()
{
	readlink /sys/devices/kvfio-test0/iommu_group | sed 's#.*/##'
}

# tap COMMAND...: as the user; fails unless every line of its TAP says ok
tap()
{
	code=0
	as_user "$@" >/tmp/tap.out 2>&1 || code=$?
	cat /tmp/tap.out
	[ $code = 0 ] || fail "$(grep -m 1 '^not ok' /tmp/tap.out || echo "exit code $code") ($*)"
}
