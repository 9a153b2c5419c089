# SPDX-License-Identifier: BSD-2-Clause
# Devices that must not or cannot be driven, each with the reason and what mends it: something that is no network card, a
# virtio card that does not know of the IOMMU, one that speaks the old protocol only.
# machine: pair
# seconds: 60

ahci=0000:00:1f.2
blind=0000:00:02.0
legacy=0000:00:08.0
vfio_bind $ahci $blind $legacy
expect_exit 8 $ahci vireo-fwd --duration 1s $ahci "$B"
expect_exit 8 'iommu_platform=on' vireo-fwd --duration 1s $blind "$B"
expect_exit 8 'disable-legacy=on|disable-modern=off' vireo-fwd --duration 1s $legacy "$B"
kernel_bind $ahci $blind $legacy
ns_up 1500
fwd_start
check "a card that can be driven" left ping -c 3 -W 20 10.0.0.2
fwd_stop
