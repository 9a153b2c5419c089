# SPDX-License-Identifier: BSD-2-Clause
# The other machine: its line ends in two taps of the host, which offer checksum and segmentation offload.
# machine: tap
# seconds: 30

host taps_up 1500
host taps_ping 1 56 && fail "a packet passed although nobody forwards" || echo "ok: nothing passes by itself"
# The features that the device offers, as the kernel's driver sees them.
kernel_bind "$A"
wait_for 5 "the kernel's driver" test -e "/sys/bus/pci/devices/$A"/virtio*/features
features=$(cat "/sys/bus/pci/devices/$A"/virtio*/features)
for bit in 0 1 7 11; do # CSUM, GUEST_CSUM, GUEST_TSO4, HOST_TSO4
	check "feature $bit is offered" [ "$(echo "$features" | cut -c $((bit + 1)))" = 1 ]
done
check "feature 33, ACCESS_PLATFORM, is offered" [ "$(echo "$features" | cut -c 34)" = 1 ]
