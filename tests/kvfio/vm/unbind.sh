# SPDX-License-Identifier: BSD-2-Clause
# The driver is unbound while the device is being used hard: it waits for the user, and the next one finds all as new.
# machine: pair
# seconds: 90

. /tests/guest/kvfio.sh
kvfio_load
for kind in map irq memory fuzz; do
	device=$(stress_device $kind)
	driver_give kvfio-pci $device
	as_user timeout -s KILL 4 kvfio-stress /dev/kvfio "$(group_of $device)" $device $kind 60 >/tmp/stress.out 2>&1 &
	sleep 1
	echo $device >/sys/bus/pci/drivers/kvfio-pci/unbind &
	unbind=$!
	sleep 1
	check "unbinding waits for the user ($kind)" kill -0 $unbind
	wait_for 10 "unbinding ends when the user has gone" not_running $unbind
	check "the device has no driver" [ -z "$(driver_of $device)" ]
done
driver_give kvfio-pci $E0
tap kvfio-pci /dev/kvfio "$(group_of $E0)" $E0
kvfio_unload
