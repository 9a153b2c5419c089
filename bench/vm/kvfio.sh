# SPDX-License-Identifier: BSD-2-Clause
# What kvfio and upstream vfio cost their users, in turns on the same device of the same machine.
# machine: pair
# seconds: 900

. /tests/guest/kvfio.sh
kvfio_load
hugepages 520
for round in 1 2 3; do
	for driver in vfio-pci kvfio-pci; do
		driver_give $driver $E0
		as_user vmbench-cost "/dev/${driver%-pci}" "$(group_of $E0)" $E0 >/tmp/cost.out
		while read -r op ns; do
			echo "round $round: $driver $op $ns ns"
			host cost $driver "$op" "$ns"
		done </tmp/cost.out
	done
done
device_release $E0
kvfio_unload
