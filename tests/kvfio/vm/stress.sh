# SPDX-License-Identifier: BSD-2-Clause
# Threads that race each other, and garbage, on a device of software and on a real one. At full length garbage comes for ten
# minutes, to both devices at once, and each kind of race lasts half a minute.
# machine: pair
# seconds: 90
# long: 1800

. /tests/guest/kvfio.sh
kvfio_load
node_give /dev/kvfio "$(soft_group)"
races=3
garbage=3
[ -z "$LONG" ] || { races=30 garbage=600; }
for kind in map irq open memory; do
	device=$(stress_device $kind)
	driver_give kvfio-pci $device
	tap kvfio-stress /dev/kvfio "$(group_of $device)" $device $kind $races
done
for kind in map open; do
	tap kvfio-stress /dev/kvfio "$(soft_group)" kvfio-test0 $kind $races
done
device=$(stress_device fuzz)
driver_give kvfio-pci $device
$AS_USER kvfio-stress /dev/kvfio "$(soft_group)" kvfio-test0 fuzz $garbage >/tmp/soft.out 2>&1 &
soft=$!
tap kvfio-stress /dev/kvfio "$(group_of $device)" $device fuzz $garbage
code=0
wait $soft || code=$?
cat /tmp/soft.out
is "exit code of garbage for the software device" $code -eq 0
kvfio_unload
