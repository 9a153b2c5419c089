# SPDX-License-Identifier: BSD-2-Clause
# The device layer on a real kernel: regions, interrupts, memory; two devices of one group and two of others in one
# container, closed in every order.
# machine: pair
# seconds: 90

set --
for path in /sys/bus/pci/devices/0000:00:07.0/0000:*; do
	set -- "$@" "$(basename "$path")"
done
vfio_bind 0000:00:06.0 "$@"
check "two virtio cards and two of one group" as_user vmtest-devices "$A" "$B" "$@"
check "an 82574 and a virtio card" as_user vmtest-devices 0000:00:06.0 "$A"
