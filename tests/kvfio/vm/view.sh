# SPDX-License-Identifier: BSD-2-Clause
# What the administrator sees of it: the files in debugfs and the tracepoints, and that they show no address of the kernel's.
# machine: pair
# seconds: 60

. /tests/guest/kvfio.sh
kvfio_load
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null || true
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null || true
view=/sys/kernel/debug/kvfio
trace=/sys/kernel/tracing
check "only root reads the view" sh -c "! $AS_USER cat $view/containers 2>/dev/null"
node_give /dev/kvfio "$(soft_group)"
driver_give kvfio-pci $E0
group=$(group_of $E0)
cat $view/groups
check "the group of the 82574 is there, closed" grep -q "^group $group front kvfio kind iommu file closed$" $view/groups
check "with the device" grep -q "^  device $E0 driver kvfio-pci files 0$" $view/groups
check "software devices are there" grep -q "^group $(soft_group) front kvfio kind software" $view/groups

echo 1 >$trace/events/kvfio/enable
$AS_USER kvfio-hold /dev/kvfio "$group" $E0 </dev/zero >/tmp/held 2>&1 &
holder=$!
wait_for 10 "the device is open" grep -q held /tmp/held
cat /tmp/held $view/groups $view/containers
check "the device is seen open" grep -q "^  device $E0 driver kvfio-pci files 1$" $view/groups
check "its group has a container" grep -q "^group $group .* file open container [0-9]*$" $view/groups
check "the container has two maps of three pages" grep -q "type type1v2 maps 2 pinned 3 pages groups $group$" $view/containers
check "one of two pages" grep -q "^  map 0x10000000-0x10001fff rw . runs 2 pages$" $view/containers
check "one read-only page" grep -q "^  map 0x20000000-0x20000fff r- 1 runs 1 pages$" $view/containers
kill $holder
wait $holder || true
check "they go with their process" sh -c "! grep -q maps $view/containers"
echo 0 >$trace/events/kvfio/enable
cat $trace/trace
check "the map was traced" grep -q "kvfio_map: container=[0-9]* iova=0x10000000 size=0x2000" $trace/trace
check "so was the unmap" grep -q "kvfio_unmap: container=[0-9]* iova=0x10000000 size=0x2000" $trace/trace
check "and the interrupt" grep -q "kvfio_irq: device=$E0 index=0 vector=0" $trace/trace
check "no address of the kernel is shown" sh -c "! grep -hE 'ffff[0-9a-f]{12}' $trace/trace $view/groups $view/containers"
kvfio_unload
