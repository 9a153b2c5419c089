# SPDX-License-Identifier: BSD-2-Clause
# Threads that race each other, and garbage, on a device of software and on a real one.
# machine: pair
# seconds: 90
# long: 7000

. /tests/guest/kvfio.sh
kvfio_load
node_give /dev/kvfio "$(soft_group)"
seconds=3
[ -z "$LONG" ] || seconds=600
for kind in map irq open memory fuzz; do
	device=$(stress_device $kind)
	driver_give kvfio-pci $device
	tap kvfio-stress /dev/kvfio "$(group_of $device)" $device $kind $seconds
done
for kind in map open fuzz; do
	tap kvfio-stress /dev/kvfio "$(soft_group)" kvfio-test0 $kind $seconds
done
kvfio_unload
