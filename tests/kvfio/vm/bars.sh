# SPDX-License-Identifier: BSD-2-Clause
# BARs smaller than a page and larger than a large page, and the ROM: upstream and kvfio give the same answers.
# machine: odd
# seconds: 60

. /tests/guest/kvfio.sh
kvfio_load
unsafe_interrupts 1

rom=/sys/bus/pci/devices/$BARS/rom
echo 1 >"$rom"
is "bytes of the ROM that the kernel reads by itself" "$(head -c 4096 "$rom" | wc -c)" -eq 2048
echo 0 >"$rom"

for driver in vfio-pci kvfio-pci; do
	dir=/dev/${driver%-pci}
	driver_give $driver $BARS
	for kind in small large rom; do
		tap kvfio-bars $dir "$(group_of $BARS)" $BARS $kind
		grep -E '^ok' /tmp/tap.out >>"/tmp/bars.$driver"
	done
done
check "upstream and kvfio give the same answers" diff /tmp/bars.vfio-pci /tmp/bars.kvfio-pci
driver_give kvfio-pci $E0
for device in $BARS $E0; do
	tap kvfio-bars /dev/kvfio "$(group_of $device)" $device rom-off
done
is "answers about the ROM in D3hot" "$(grep -c 'rom_in_d3 = -EIO' /tmp/tap.out)" -eq 1
unsafe_interrupts 0
kvfio_unload
