# SPDX-License-Identifier: BSD-2-Clause
# A device that no IOMMU protects is refused, until the administrator takes the risk. Then it is for the privileged alone, nothing
# can be mapped for it, and the kernel is tainted.
# machine: odd
# seconds: 60
# dmesg: interrupts are not isolated

. /tests/guest/kvfio.sh
kvfio_load
unsafe_interrupts 1

tainted_by_user()
{
	[ $(($(cat /proc/sys/kernel/tainted) & 64)) -ne 0 ]
}

check "the device has no IOMMU" [ ! -e "/sys/bus/pci/devices/$BARE/iommu_group" ]
device_release "$BARE"
echo kvfio-pci >"/sys/bus/pci/devices/$BARE/driver_override"
echo "$BARE" >/sys/bus/pci/drivers_probe 2>/dev/null || true
check "it is refused" [ -z "$(driver_of "$BARE")" ]
! tainted_by_user || fail "the kernel is tainted already"
echo 1 >/sys/module/kvfio/parameters/enable_unsafe_noiommu_mode
echo "$BARE" >/sys/bus/pci/drivers_probe
check "it is taken when that is asked for" [ "$(driver_of "$BARE")" = kvfio-pci ]
check "the kernel is tainted" tainted_by_user
group=noiommu-$(group_of "$BARE")
node_give /dev/kvfio "$group"
driver_give kvfio-pci $E0
tap kvfio-noiommu /dev/kvfio "$group" "$BARE" "$(group_of $E0)"
code=0
kvfio-noiommu /dev/kvfio "$group" "$BARE" "$(group_of $E0)" || code=$?
is "exit code for the privileged" $code -eq 0
echo 0 >/sys/module/kvfio/parameters/enable_unsafe_noiommu_mode
device_release "$BARE"
check "the node has gone" [ ! -e "/dev/kvfio/$group" ]
check "so has the group that was made up" [ ! -e "/sys/bus/pci/devices/$BARE/iommu_group" ]
echo >"/sys/bus/pci/devices/$BARE/driver_override"
unsafe_interrupts 0
kvfio_unload
