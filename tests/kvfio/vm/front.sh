# SPDX-License-Identifier: BSD-2-Clause
# The drop-in front in the place of upstream: the same answers under upstream's names, never both at a time, and upstream as
# it was afterwards.
# machine: pair
# seconds: 240

. /tests/guest/kvfio.sh

# refused TEXT PATTERN COMMAND...: it fails, and says why
refused()
{
	text=$1
	pattern=$2
	shift 2
	check "$text is refused" sh -c '! "$@" 2>/tmp/refused' sh "$@"
	cat /tmp/refused
	check "because: $pattern" grep -q "$pattern" /tmp/refused
}

echo "-- beside upstream"
kvfio_load
refused "the front beside upstream" "File exists" insmod "$FRONT/vfio.ko"
check "and upstream still works" as_user test -w "/dev/vfio/$(group_of "$A")"
upstream_unload
front_load
check "the kernel knows vfio" test -d /sys/module/vfio
check "and vfio_pci" test -d /sys/module/vfio_pci
check "the container has upstream's number" [ "$(stat -c '%t:%T %a' /dev/vfio/vfio)" = "a:c4 666" ]
upstream=$(find "/lib/modules/$(uname -r)/kernel" -name vfio.ko)
refused "upstream beside the front" "File exists" insmod "$upstream"
refused "what belongs to upstream" "nknown symbol" modprobe vfio_iommu_type1

echo "-- which devices are in it"
device_release $E0
echo >"/sys/bus/pci/devices/$E0/driver_override"
echo $E0 >/sys/bus/pci/drivers_probe
check "it takes nothing by itself" [ "$(driver_of $E0)" = e1000e ]
device_release $E0
echo "8086 10d3" >/sys/bus/pci/drivers/vfio-pci/new_id
check "new_id binds" [ "$(driver_of $E0)" = vfio-pci ]
driver_give kvfio-pci $E0
check "driver_override is stronger" [ "$(driver_of $E0)" = kvfio-pci ]
set -- $(below 0000:00:07.0)
driver_give kvfio-pci "$1"
device_release "$2"
echo vfio-pci >"/sys/bus/pci/devices/$2/driver_override"
echo "$2" >/sys/bus/pci/drivers_probe || true
check "a group is in one front only" [ -z "$(driver_of "$2")" ]
echo kvfio-pci >"/sys/bus/pci/devices/$2/driver_override"
echo "$2" >/sys/bus/pci/drivers_probe
check "and goes as a whole" [ "$(driver_of "$2")" = kvfio-pci ]

echo "-- the same answers as under our own names"
for driver in kvfio-pci vfio-pci; do
	driver_give $driver $E0
	for program in abi pci; do
		tap kvfio-$program /dev/${driver%-pci} "$(group_of $E0)" $E0
		grep -E '^ok' /tmp/tap.out >"/tmp/$program.$driver"
	done
done
for program in abi pci; do
	check "$program says the same" cmp "/tmp/$program.kvfio-pci" "/tmp/$program.vfio-pci"
done

echo "-- packets"
ns_up 1500
for driver in vfio-pci kvfio-pci; do
	driver_give vfio-pci "$A"
	driver_give $driver "$B"
	fwd_start
	check "ping passes (vfio-pci and $driver)" left ping -c 3 -W 20 10.0.0.2
	if [ $driver = vfio-pci ]; then
		for module in vfio_pci vfio kvfio_pci kvfio; do
			refused "unloading $module in use" "temporarily unavailable" rmmod $module
		done
	fi
	fwd_stop
done

echo "-- the order of removal"
exec 7<>/dev/vfio/vfio
device_release "$A"
device_release "$B"
device_release $E0
refused "unloading vfio before vfio_pci" "temporarily unavailable" rmmod vfio
rmmod vfio_pci
refused "unloading vfio with a container open" "temporarily unavailable" rmmod vfio
exec 7>&-
rmmod vfio
check "the container is gone" [ ! -e /dev/vfio/vfio ]
kvfio_unload

echo "-- upstream again"
upstream_load
vfio_bind "$A" "$B"
fwd_start
check "ping passes" left ping -c 3 -W 20 10.0.0.2
fwd_stop
