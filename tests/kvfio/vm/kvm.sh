# SPDX-License-Identifier: BSD-2-Clause
# KVM finds what it looks up in the drop-in front, as in upstream; a QEMU with KVM gives two cards to its guest, whose drivers
# send and receive by them; and modules leave in no order that would hurt.
# machine: clients
# seconds: 240

. /tests/guest/kvfio.sh

# goes_not MODULE...: none of them can be unloaded.
goes_not()
{
	for module in "$@"; do
		check "$module stays" sh -c '! rmmod "$0" 2>/dev/null' "$module"
	done
}

# Whether a virtual machine has been told of the groups of both cards.
known_to_kvm()
{
	[ "$(cat "/sys/class/vfio/$(group_of "$A")/kvm" "/sys/class/vfio/$(group_of $E0)/kvm" | tr -d '\n')" = "$1" ]
}

# A plain processor: what KVM passes on of an emulated one is not all as it should be. Linux 7 uses AVX as soon as it sees the instructions
# that go with it, and how large its state is does not come through.
inner_start()
{
	$AS_USER qemu-system-x86_64 -L /usr/share/qemu -accel kvm -cpu qemu64,-svm -m 192 -M q35 -nodefaults -display none -no-reboot \
		-serial stdio -kernel /inner/vmlinux -initrd /inner/initrd.gz \
		-append "console=ttyS0 rdinit=/init quiet panic=-1 oops=panic no_timer_check nohz=off highres=off mitigations=off" \
		-device "vfio-pci,host=$E0" -device "vfio-pci,host=$A" </dev/null >/tmp/inner.out 2>&1 &
	INNER=$!
	wait_for 60 "KVM has been told of both groups" known_to_kvm 11
}

[ -n "$(find "/lib/modules/$(uname -r)" -name kvm-amd.ko)" ] || skip "this kernel has no KVM"
# The first virtual machine turns on a branch in the middle of the scheduler, by way of an int3 that is there for a moment. On two
# emulated processors one may still run it when it is gone (QEMU 7.2), and Linux knows it no more: "Oops: int3" in __schedule().
echo 0 >/sys/devices/system/cpu/cpu1/online
modprobe kvm-amd
chmod 666 /dev/kvm
echo "-- the same answers as with upstream"
for vfio in upstream kvfio; do
	[ $vfio = upstream ] || { upstream_unload; front_load; }
	driver_give vfio-pci $E0
	tap kvfio-kvm /dev/vfio "$(group_of $E0)" $E0
	grep '^ok' /tmp/tap.out >/tmp/kvm.$vfio
done
check "they are" cmp /tmp/kvm.upstream /tmp/kvm.kvfio

echo "-- a virtual machine drives two cards"
vfio_bind "$A" $E0
ns_up 1500
check "no virtual machine knows the groups" known_to_kvm 00
inner_start
goes_not vfio_pci vfio kvfio_pci kvfio kvm_amd kvm
wait_for 60 "its work is done" not_running $INNER
cat /tmp/inner.out
program_ends $INNER 1 0
for driver in e1000e virtio_net; do
	check "$driver drives it" grep -q "^inner: $driver .* sent 5, received 5" /tmp/inner.out
	check "$driver is interrupted" grep -Eq "^inner: $driver interrupts: [1-9]" /tmp/inner.out
done
check "QEMU does not complain" sh -c '! grep "^qemu" /tmp/inner.out'
check "the virtual machine has forgotten them" known_to_kvm 00

echo "-- a virtual machine that is killed"
inner_start
kill -KILL $INNER
program_ends $INNER 10 137
check "the virtual machine has forgotten them" known_to_kvm 00

echo "-- the group closed, the virtual machine there"
mkfifo /tmp/hold
as_user kvfio-kvm /dev/vfio "$(group_of $E0)" $E0 hold </tmp/hold >/tmp/held 2>&1 &
holder=$!
exec 9>/tmp/hold
wait_for 5 "the group is held by KVM alone" grep -q held /tmp/held
goes_not vfio kvfio_pci kvfio kvm_amd kvm
exec 9>&-
wait $holder
cat /tmp/held

echo "-- VFIO first, KVM stays and finds upstream"
front_unload
upstream_load
driver_give vfio-pci $E0
tap kvfio-kvm /dev/vfio "$(group_of $E0)" $E0
echo "-- KVM first"
upstream_unload
front_load
rmmod kvm_amd
rmmod kvm
front_unload
upstream_load
echo 1 >/sys/devices/system/cpu/cpu1/online
