# SPDX-License-Identifier: BSD-2-Clause
# The driver is unbound while the device is being used hard: it waits for the user, and the next one finds all as new.
# machine: pair
# seconds: 90

. /tests/guest/kvfio.sh
kvfio_load
for kind in map irq memory fuzz; do
	device=$(stress_device $kind)
	driver_give kvfio-pci $device
	stress_start $device $kind
	echo $device >/sys/bus/pci/drivers/kvfio-pci/unbind &
	unbind=$!
	wait_for 10 "nobody can open it any more ($kind)" is_not_offered $device
	sleep 1
	check "unbinding waits for the user ($kind)" kill -0 $unbind
	stress_kill
	wait_for 15 "unbinding ends when the user has gone" not_running $unbind
	wait $unbind
	check "the device has no driver" [ -z "$(driver_of $device)" ]
done
driver_give kvfio-pci $E0
tap kvfio-pci /dev/kvfio "$(group_of $E0)" $E0
kvfio_unload
