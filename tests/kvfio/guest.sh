# SPDX-License-Identifier: BSD-2-Clause
# What scenarios of suite kvfio use besides those of the test machine.

E0=0000:00:06.0 # the 82574

# Which device a kind of stress is for: the 82574 has registers in its first BAR, but QEMU's model of it (7.2) ends with an
# assertion when its interrupts change from one kind to another while it holds one back.
stress_device()
{
	case $1 in
	memory) echo $E0 ;;
	*) echo "$A" ;;
	esac
}

kvfio_load()
{
	for module in kvfio kvfio_pci kvfio_test; do
		[ -d "/sys/module/$module" ] || insmod "/kvfio/$module.ko"
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
