# SPDX-License-Identifier: BSD-2-Clause
# vireo-bind on a real kernel: what it says about each card, that cards come back to the drivers that they had, and all
# that it refuses. There is no udev here; the unit suite has one, on machines made of files.
# machine: pair
# seconds: 120

# says CODE PATTERN ARGUMENT...: vireo-bind ends with CODE, and says PATTERN in its output.
says()
{
	code=$1
	pattern=$2
	shift 2
	got=0
	vireo-bind "$@" >/tmp/said 2>&1 </dev/null || got=$?
	sed "s/^/vireo-bind $1: /" /tmp/said
	[ "$got" = "$code" ] || fail "vireo-bind $*: exit code $got, expected $code"
	grep -qE -e "$pattern" /tmp/said || fail "vireo-bind $*: does not say: $pattern"
}

# has_driver ADDRESS DRIVER
has_driver()
{
	check "$1 is with $2" [ "$(driver_of "$1")" = "$2" ]
}

iface_of()
{
	basename "$(ls -d /sys/bus/pci/devices/"$1"/net/* /sys/bus/pci/devices/"$1"/virtio*/net/* 2>/dev/null | head -n 1)"
}

DRIVER="--driver $VFIO_DRIVER"
K=0000:00:02.0 # k0, the kernel's own
E=0000:00:06.0 # e0, an 82574
L=0000:00:08.0 # l0, of the old kind
set -- $(below 0000:00:07.0)
S0=$1 S1=$2

mkdir -p /etc/security/limits.d
vireo-bind status
vireo-bind status --json >/tmp/status.json
check "the JSON has all eight cards" [ "$(jq '.nics | length' /tmp/status.json)" = 8 ]
check "and the IOMMU" [ "$(jq -r '.host.iommu + " " + .host.interrupt_remapping' /tmp/status.json)" = "Intel yes" ]
check "no line is wider than 100 columns" [ -z "$(vireo-bind status | awk 'length($0) > 100')" ]
says 0 "legacy-only" status $L
says 0 "VIRTIO_F_ACCESS_PLATFORM" status $K

echo "-- back to the kernel although nobody remembers, and again to the user"
says 0 "back with virtio-pci as eth" unbind "$A"
has_driver "$A" virtio-pci
says 0 "sudo vireo-bind bind $A" status "$A"
says 0 "next, as user: vireo-pktgen $A" bind $DRIVER --user user "$A"
has_driver "$A" $VFIO_DRIVER
check "the group belongs to the user" [ "$(stat -c '%u %a' "$VFIO_DIR/$(group_of "$A")")" = "1000 600" ]
check "who may lock memory" grep -qx "user - memlock unlimited" /etc/security/limits.d/50-vireo.conf
as_user vireo-bind status "$A" >/tmp/said
check "ready, says the user's own status" grep -q "ready: $A" /tmp/said
says 0 "before: virtio-pci" bind $DRIVER --user user "$A"

echo "-- a card that a process has open"
# Not through as_user: a function in the background is a shell, and its number not that of the program.
/usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups sleep 1000 8<>"$VFIO_DIR/$(group_of "$A")" &
sleeper=$!
wait_for 5 "the process has it" sh -c "ls -l /proc/$sleeper/fd | grep -q $VFIO_DIR/"
says 3 "in use by sleep \(pid $sleeper\)" unbind "$A"
has_driver "$A" $VFIO_DRIVER
kill $sleeper
wait $sleeper || true
says 0 "back with virtio-pci" unbind "$A"
check "the limit is gone again" [ ! -e /etc/security/limits.d/50-vireo.conf ]
check "driver_override too" [ "$(cat "/sys/bus/pci/devices/$A/driver_override")" = "(null)" ]
check "and the memory" [ ! -e "/var/lib/vireo/bind/$A" ]

echo "-- a card by its name, of another driver"
says 0 "$E: bound to $VFIO_DRIVER \(before: e1000e\)" bind $DRIVER "$(iface_of $E)"
says 0 "back with e1000e as eth" unbind $E
has_driver $E e1000e
says 0 "echo $E > /sys/bus/pci/drivers/e1000e/unbind" bind --dry-run $E
has_driver $E e1000e

echo "-- cards that the kernel uses"
card=$(iface_of $K)
ip address add 192.0.2.2/24 dev "$card"
ip link set "$card" up
says 3 "$card has the address 192.0.2.2/24" bind $DRIVER $E $K
ip route add default via 192.0.2.1
says 3 "the default route" bind $DRIVER $K
says 0 "the machine's way out" status $K
has_driver $E e1000e
has_driver $K virtio-pci
says 0 "before: virtio-pci" bind $DRIVER --force $K
says 0 "back with virtio-pci" unbind $K
card=$(iface_of $K)
ip link add vlan5 link "$card" type vlan id 5
says 3 "vlan5 on top of it" bind $DRIVER $K
ip link delete vlan5
ip netns add elsewhere
ip link set "$card" netns elsewhere
says 3 "another network namespace" bind $DRIVER $K
ip -n elsewhere link set "$card" netns 1
ip netns delete elsewhere
has_driver $K virtio-pci

echo "-- a group of two"
says 4 "also holds $S1 \(virtio-pci\)" bind $DRIVER "$S0"
says 4 "also holds" bind $DRIVER --force "$S0"
says 0 "$S1: bound to $VFIO_DRIVER" bind $DRIVER --with-group --user user "$S0"
says 0 "$S0: back with virtio-pci" unbind "$S0" "$S1"
has_driver "$S0" virtio-pci
has_driver "$S1" virtio-pci

echo "-- what is no card of ours"
says 2 "not a network card" bind $DRIVER --force 0000:00:1f.2
says 2 "no PCI device" bind $DRIVER 0000:7f:00.0
says 2 "no interface" bind $DRIVER eth77
got=0
as_user vireo-bind bind $E >/tmp/said 2>&1 || got=$?
check "without root: $(cat /tmp/said)" [ $got = 5 ]

echo "-- hugepages"
check "hugeadm is there" command -v hugeadm
says 0 "2M +0 +64 +" hugepages --count 64
check "the kernel has 64" [ "$(cat /proc/sys/vm/nr_hugepages)" = 64 ]
says 0 "2M +0 +32 +" hugepages --count 32 --node 0
# The kernel would kill half of the machine to make room for these.
says 1 "4000 pages of 2M are more than there is memory for" hugepages --count 4000
check "the kernel still has 32" [ "$(cat /proc/sys/vm/nr_hugepages)" = 32 ]
says 0 "2M +0 +96 +" hugepages --count 96
