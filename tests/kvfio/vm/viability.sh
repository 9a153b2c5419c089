# SPDX-License-Identifier: BSD-2-Clause
# Two cards in one group: nobody gets it while a driver of the host has one of them, and none gets in while it is taken.
# machine: pair
# seconds: 60

. /tests/guest/kvfio.sh
kvfio_load
set --
for path in /sys/bus/pci/devices/0000:00:07.0/0000:*; do
	set -- "$@" "$(basename "$path")"
done
group=$(group_of "$1")
device_release "$2"
echo >"/sys/bus/pci/devices/$2/driver_override"
echo "$2" >/sys/bus/pci/drivers_probe
check "a driver of the host has the second card" [ "$(driver_of "$2")" = virtio-pci ]
driver_give kvfio-pci "$1"
tap kvfio-viability /dev/kvfio "$group" no
device_release "$2"
mkfifo /tmp/hold
as_user kvfio-viability /dev/kvfio "$group" yes </tmp/hold >/tmp/held 2>&1 &
holder=$!
exec 9>/tmp/hold
wait_for 5 "the group is taken" grep -q held /tmp/held
cat /tmp/held
check "every line says ok" sh -c '! grep -q "^not ok" /tmp/held'
echo "$2" >/sys/bus/pci/drivers_probe || true
check "no driver of the host gets the second card" [ -z "$(driver_of "$2")" ]
exec 9>&-
wait $holder
echo "$2" >/sys/bus/pci/drivers_probe
check "afterwards it does" [ "$(driver_of "$2")" = virtio-pci ]
kvfio_unload
