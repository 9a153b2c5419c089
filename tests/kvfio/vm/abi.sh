# SPDX-License-Identifier: BSD-2-Clause
# The same questions to upstream and to kvfio about the same device; the answers are as expected of each.
# machine: pair
# seconds: 120

. /tests/guest/kvfio.sh
kvfio_load
for driver in vfio-pci kvfio-pci; do
	driver_give $driver $E0
	for program in abi pci; do
		tap kvfio-$program /dev/${driver%-pci} "$(group_of $E0)" $E0
		grep -E '^ok' /tmp/tap.out >"/tmp/$program.$driver"
	done
done
for program in abi pci; do
	echo "where $program differs:"
	diff "/tmp/$program.vfio-pci" "/tmp/$program.kvfio-pci" || true
done
kvfio_unload
