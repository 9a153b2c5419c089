# SPDX-License-Identifier: BSD-2-Clause
# An error on the bus, and the driver unbound under its user: both are told, by upstream and by kvfio, and giving the device back
# ends the unbinding.
# machine: pair
# seconds: 120

. /tests/guest/kvfio.sh
kvfio_load
for driver in vfio-pci kvfio-pci; do
	driver_give $driver "$A"
	rm -f /tmp/events
	$AS_USER kvfio-events /dev/${driver%-pci} "$(group_of "$A")" "$A" >/tmp/events 2>&1 &
	user=$!
	wait_for 30 "the device is in use" grep -q ready /tmp/events
	host aer v0 POISON_TLP
	wait_for 60 "its user was told of the error" grep -q held /tmp/events
	echo "$A" >/sys/bus/pci/drivers/$driver/unbind &
	unbind=$!
	code=0
	wait $user || code=$?
	cat /tmp/events
	is "exit code of the user" $code -eq 0
	wait_for 15 "unbinding ends when the device was given back" not_running $unbind
	wait $unbind
	grep -E '^ok' /tmp/events >"/tmp/events.$driver"
done
check "upstream and kvfio tell the same" diff /tmp/events.vfio-pci /tmp/events.kvfio-pci
kvfio_unload
