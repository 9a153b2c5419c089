# SPDX-License-Identifier: BSD-2-Clause
# The machine is what the other scenarios believe it to be.
# machine: pair
# seconds: 30

check "two vfio devices" [ "$(driver_of "$A")" = "$VFIO_DRIVER" -a "$(driver_of "$B")" = "$VFIO_DRIVER" ]
check "each in a group of its own" [ "$(group_of "$A")" != "$(group_of "$B")" ]
check "an IOMMU with interrupt remapping" sh -c 'dmesg >/dev/null; ls /sys/class/iommu | grep -q dmar'
check "a kernel warning ends the machine" [ "$(cat /proc/sys/kernel/panic_on_warn)" = 1 ]
check "the user has no capability" [ "$(as_user sed -n 's/^Cap...://p' /proc/self/status | tr -d '0\n\t ')" = "" ]
check "the user owns the groups" as_user test -w "$VFIO_DIR/$(group_of "$A")"
check "the user is not root" [ "$(as_user id -u)" = 1000 ]
ns_up 1500
left busybox ping -c 1 -W 1 10.0.0.2 && fail "a packet passed although nobody forwards" || echo "ok: nothing passes by itself"
set -- $(ls -d /sys/bus/pci/devices/0000:00:07.0/0000:*)
check "two cards in one group" [ "$(group_of "$(basename "$1")")" = "$(group_of "$(basename "$2")")" ]
check "the host answers" host ping
