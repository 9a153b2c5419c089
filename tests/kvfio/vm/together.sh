# SPDX-License-Identifier: BSD-2-Clause
# Two groups in one container: the same answers from upstream and from kvfio, but for how long, and from where, the registers of one
# can be reached by the other.
# machine: pair
# seconds: 60

. /tests/guest/kvfio.sh
kvfio_load
for driver in vfio-pci kvfio-pci; do
	driver_give $driver "$A"
	driver_give $driver "$B"
	tap kvfio-together /dev/${driver%-pci} "$(group_of "$A")" "$A" "$(group_of "$B")" "$B"
	grep -E '^ok' /tmp/tap.out | grep -v -e registers_after_close -e registers_of_other_container >"/tmp/together.$driver"
done
check "upstream and kvfio give the same answers" diff /tmp/together.vfio-pci /tmp/together.kvfio-pci
kvfio_unload
