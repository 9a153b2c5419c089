# SPDX-License-Identifier: BSD-2-Clause
# Devices can be given to kvfio by their numbers as well as by driver_override; without either it takes none.
# machine: pair
# seconds: 30

. /tests/guest/kvfio.sh
device_release $E0
echo >"/sys/bus/pci/devices/$E0/driver_override"
kvfio_load
echo $E0 >/sys/bus/pci/drivers_probe
check "it takes nothing by itself" [ -z "$(ls /sys/bus/pci/drivers/kvfio-pci | grep 0000:)" ]
check "no alias makes modprobe load it" sh -c '! strings /kvfio/kvfio_pci.ko 2>/dev/null | grep ^alias='
device_release $E0
echo "8086 10d3" >/sys/bus/pci/drivers/kvfio-pci/new_id
check "new_id binds" [ "$(driver_of $E0)" = kvfio-pci ]
kvfio_unload
