# SPDX-License-Identifier: BSD-2-Clause
# The modules come and go; the devices' own drivers get them back.
# machine: pair
# seconds: 120
# long: 1200

. /tests/guest/kvfio.sh
rounds=50
[ -z "$LONG" ] || rounds=1000
round=0
while [ $round -lt $rounds ]; do
	kvfio_load
	driver_give kvfio-pci $E0
	kvfio_unload >/dev/null
	round=$((round + 1))
done
echo "$rounds rounds"
echo >"/sys/bus/pci/devices/$E0/driver_override"
echo $E0 >/sys/bus/pci/drivers_probe
check "the kernel's own driver takes the device again" [ "$(driver_of $E0)" = e1000e ]
vfio_bind "$A"
check "and upstream vfio works" as_user test -w "/dev/vfio/$(group_of "$A")"
