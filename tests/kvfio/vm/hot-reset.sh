# SPDX-License-Identifier: BSD-2-Clause
# Resetting a bus: what upstream and kvfio ask for, what they do, and when they do it by themselves.
# machine: pair
# seconds: 60

. /tests/guest/kvfio.sh
kvfio_load
set --
for path in /sys/bus/pci/devices/0000:00:07.0/0000:*; do
	set -- "$@" "$(basename "$path")"
done
for driver in vfio-pci kvfio-pci; do
	dir=/dev/${driver%-pci}
	driver_give $driver "$1"
	driver_give $driver "$2"
	driver_give $driver "$A"
	tap kvfio-hotreset $dir "$(group_of "$1")" "$1" "$2" "$(group_of "$A")"
	grep -E '^ok' /tmp/tap.out >"/tmp/hotreset.$driver"
done
check "upstream and kvfio give the same answers" diff /tmp/hotreset.vfio-pci /tmp/hotreset.kvfio-pci
kvfio_unload
