# SPDX-License-Identifier: BSD-2-Clause
# Two cards share an IOMMU group. With one of them in the kernel's hands the group is not viable, and the sentence names
# the other and its driver; with both bound they work side by side.
# machine: pair
# seconds: 60

set -- $(for path in /sys/bus/pci/devices/0000:00:07.0/0000:*; do basename "$path"; done)
one=$1
other=$2
vfio_bind "$one"
check "the other belongs to the kernel" [ "$(driver_of "$other")" = virtio-pci ]
expect_exit 7 "$other.*virtio-pci" vireo-fwd --duration 1s "$one" "$B"
vfio_bind "$other"
as_user vireo-fwd --duration 2s --json /home/user/group.json "$one" "$other" >/tmp/group.out 2>&1 || {
	cat /tmp/group.out
	fail "two ports of one group do not work"
}
echo "ok: both ports of the group work together"
kernel_bind "$one" "$other"
