# SPDX-License-Identifier: BSD-2-Clause
# A device that nobody has open sleeps, unless it was bound with disable_idle_d3; the parameter may change in between.
# machine: pair
# seconds: 60

. /tests/guest/kvfio.sh
kvfio_load
parameter=/sys/module/kvfio_pci/parameters/disable_idle_d3

power_is()
{
	[ "$(cat "/sys/bus/pci/devices/$E0/power_state")" = "$1" ]
}

for round in 1 2 3; do
	echo 0 >$parameter
	driver_give kvfio-pci $E0
	wait_for 5 "the device sleeps (round $round)" power_is D3hot
	echo 1 >$parameter
	device_release $E0
	driver_give kvfio-pci $E0
	sleep 1
	check "with disable_idle_d3 it is awake (round $round)" power_is D0
	echo 0 >$parameter
	device_release $E0
done
driver_give kvfio-pci $E0
wait_for 5 "the device sleeps" power_is D3hot
tap kvfio-pci /dev/kvfio "$(group_of $E0)" $E0
wait_for 5 "the device sleeps after its user has gone" power_is D3hot
device_release $E0
check "the kernel's power management is left as it was" [ "$(cat "/sys/bus/pci/devices/$E0/power/control")" = on ]
echo >"/sys/bus/pci/devices/$E0/driver_override"
echo $E0 >/sys/bus/pci/drivers_probe
check "the kernel's own driver wakes it" power_is D0
kvfio_unload
