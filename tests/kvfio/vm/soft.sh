# SPDX-License-Identifier: BSD-2-Clause
# Containers, groups and type1 on devices of software: needs neither IOMMU nor hardware.
# machine: pair
# seconds: 60

. /tests/guest/kvfio.sh
kvfio_load
node_give /dev/kvfio "$(soft_group)"
tap kvfio-soft "$(soft_group)" kvfio-test0
tap kvfio-abi /dev/kvfio "$(soft_group)" kvfio-test0
kvfio_unload
