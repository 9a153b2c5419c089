# SPDX-License-Identifier: BSD-2-Clause
# The device is pulled out of the machine while it is being used hard: the slot is empty when its user has gone, and what is
# plugged in next finds all as new.
# machine: pair
# seconds: 180

. /tests/guest/kvfio.sh
kvfio_load

slot_is_empty()
{
	[ -z "$(below $A_SLOT)" ]
}

for kind in map irq open fuzz; do
	driver_give kvfio-pci "$A"
	stress_start "$A" $kind
	host hmp device_del v0
	wait_for 30 "nobody can open it any more ($kind)" is_not_offered "$A"
	sleep 1
	# Those that open and close all the time have let it go.
	[ $kind = open ] || check "the slot waits for the user ($kind)" [ -e "/sys/bus/pci/devices/$A" ]
	stress_kill
	wait_for 40 "the slot is empty" slot_is_empty
	plug_in
done
driver_give kvfio-pci "$A"
tap kvfio-stress /dev/kvfio "$(group_of "$A")" "$A" map 1
kvfio_unload
