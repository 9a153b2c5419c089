# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# shellcheck disable=SC2016 # the stand-ins are scripts in quotes
#
# A machine made of files, for test_vireo_bind.sh: trees like /sys, /proc and /dev below $R, and a "kernel" that reads
# what is written to unbind and drivers_probe and acts on it, a moment later, as the real one does.

# Card: ADDR VENDOR:DEVICE DRIVER GROUP [IFACE]
add_card() {
	local dev=$R/sys/devices/pci0000:00/$1 pci=$R/sys/bus/pci
	mkdir -p "$dev" "$pci/devices" "$pci/drivers/$3" "$R/native"
	ln -s "../../../devices/pci0000:00/$1" "$pci/devices/$1"
	echo "0x${2%:*}" >"$dev/vendor"
	echo "0x${2#*:}" >"$dev/device"
	echo "${CLASS:-0x020000}" >"$dev/class"
	echo "pci:v0000${2%:*}d0000${2#*:}" >"$dev/modalias"
	echo '(null)' >"$dev/driver_override"
	echo 0 >"$dev/numa_node"
	add_to_group "$1" "$4"
	[ "$3" = none ] || ln -s "../../../bus/pci/drivers/$3" "$dev/driver"
	rm -f "$pci/drivers/$3/unbind"
	[ "$3" = none ] || ln -s "$R/kernel/unbind" "$pci/drivers/$3/unbind"
	echo "$3" >"$R/native/$1"
	[ -z "${5:-}" ] || add_iface "$1" "$5"
}

add_to_group() {
	[ "$2" != none ] || return 0
	mkdir -p "$R/sys/kernel/iommu_groups/$2/devices"
	ln -s "../../../kernel/iommu_groups/$2" "$R/sys/devices/pci0000:00/$1/iommu_group"
	ln -s "../../../../devices/pci0000:00/$1" "$R/sys/kernel/iommu_groups/$2/devices/$1"
}

# As the kernel does it for a virtio card: the interface belongs to virtioN below the PCI device.
add_iface() {
	local dev=$R/sys/devices/pci0000:00/$1 net
	net=$dev/net/$2
	case $(cat "$dev/vendor") in
	0x1af4)
		net=$dev/virtio0/net/$2
		mkdir -p "$net" "$R/sys/bus/virtio/drivers/virtio_net"
		ln -s ../../../../bus/virtio/drivers/virtio_net "$dev/virtio0/driver"
		features "$1" 11
		;;
	esac
	mkdir -p "$net" "$R/sys/class/net"
	ln -s "$(dirname "$(dirname "$net")")" "$net/device"
	ln -s "$net" "$R/sys/class/net/$2"
	echo 1 >"$net/carrier"
	echo 10000 >"$net/speed"
}

# ADDR BITS: feature bits 32 (version 1) and 33 (access platform) of a virtio card
features() {
	printf '%s%s%s\n' 01100101000000000000000000000000 "$2" 000000000000000000000000000000 \
		>"$R/sys/devices/pci0000:00/$1/virtio0/features"
}

# KIB TOTAL FREE, on node 0 and, with half as much, on node 1
huge_pool() {
	local node dir total=$2 free=$3
	mkdir -p "$R/sys/kernel/mm/hugepages/hugepages-${1}kB"
	echo $((total + total / 2)) >"$R/sys/kernel/mm/hugepages/hugepages-${1}kB/nr_hugepages"
	for node in 0 1; do
		dir=$R/sys/devices/system/node/node$node/hugepages/hugepages-${1}kB
		mkdir -p "$dir"
		echo "$total" >"$dir/nr_hugepages"
		echo "$free" >"$dir/free_hugepages"
		total=$((total / 2)) free=$((free / 2))
	done
}

# BYTES
memlock_limit() {
	printf 'Limit                     Soft Limit           Hard Limit           Units\n' >"$R/proc/self/limits"
	printf 'Max locked memory         %-20s %-20s bytes\n' "$1" "$1" >>"$R/proc/self/limits"
}

# A machine on which everything is right, with no card.
new_machine() {
	R=$(mktemp -d "$WORK/machine.XXXXXX")
	mkdir -p "$R/kernel" "$R/refuse" "$R/hold" "$R/sys/class/iommu/dmar0" "$R/sys/class/net" "$R/sys/bus/pci/devices" \
		"$R/proc/self" "$R/proc/sys/kernel" "$R/proc/net" "$R/dev/vfio" "$R/etc/udev/rules.d" \
		"$R/etc/security/limits.d" "$R/lib/modules/6.1.0" "$R/log" "$R/ip"
	mkfifo "$R/kernel/unbind" "$R/kernel/probe"
	ln -s "$R/kernel/probe" "$R/sys/bus/pci/drivers_probe"
	echo 6.1.0 >"$R/proc/sys/kernel/osrelease"
	echo 'root=/dev/vda1 quiet' >"$R/proc/cmdline"
	echo 'flags : fpu vme' >"$R/proc/cpuinfo"
	echo '16: 0 IR-IO-APIC 16-fasteoi' >"$R/proc/interrupts"
	echo 'kernel/drivers/vfio/pci/vfio-pci.ko: kernel/drivers/vfio/vfio.ko' >"$R/lib/modules/6.1.0/modules.dep"
	echo 'root:x:0:' >"$R/etc/group"
	memlock_limit unlimited
	huge_pool 2048 128 128
	load_vfio
	touch "$R/dev/vfio/vfio"
	chmod 666 "$R/dev/vfio/vfio"
	start_kernel
	export VIREO_BIND_ROOT="$R" R
}

load_vfio() {
	mkdir -p "$R/sys/bus/pci/drivers/vfio-pci"
	ln -s "$R/kernel/unbind" "$R/sys/bus/pci/drivers/vfio-pci/unbind"
}

# Upstream's modules are loaded, as after a bind.
upstream_modules() {
	local module
	for module in vfio vfio_iommu_type1 vfio_pci; do
		mkdir -p "$R/sys/module/$module/holders"
		echo live >"$R/sys/module/$module/initstate"
	done
	mkdir "$R/sys/module/vfio/holders/vfio_pci"
}

# RELEASE: kvfio and its drop-in front are installed for a kernel.
kvfio_files() {
	mkdir -p "$R/usr/lib/kvfio/$1"
	touch "$R/usr/lib/kvfio/$1/vfio.ko" "$R/usr/lib/kvfio/$1/vfio-pci.ko"
	echo 'updates/kvfio_pci.ko: updates/kvfio.ko' >>"$R/lib/modules/6.1.0/modules.dep"
}

start_kernel() {
	serve_unbind &
	KERNEL="$!"
	serve_probe &
	KERNEL="$KERNEL $!"
}

end_machine() {
	# Not TERM: it would be lost on a child that has not yet forgotten the traps of its parent.
	# shellcheck disable=SC2086 # two numbers
	kill -KILL $KERNEL 2>/dev/null
	# shellcheck disable=SC2086
	wait $KERNEL 2>/dev/null
	rm -rf "$R"
}

# Open for reading and writing, so that it never sees an end of file.
serve_unbind() {
	exec 3<>"$R/kernel/unbind"
	while read -r addr <&3; do
		dev=$R/sys/devices/pci0000:00/$addr
		while [ -e "$R/hold/$addr" ]; do sleep 0.1; done
		case $(readlink "$dev/driver") in
		*vfio-pci) rm -rf "$R/dev/vfio/$(group_number "$dev")" "$R/dev/vfio/devices" "$dev/vfio-dev" ;;
		*) hide_ifaces "$dev" ;;
		esac
		rm -f "$dev/driver"
	done
}

hide_ifaces() {
	for net in "$1"/net/* "$1"/virtio0/net/*; do
		[ ! -e "$net" ] || rm -f "$R/sys/class/net/$(basename "$net")"
	done
	[ ! -d "$1/net" ] || mv "$1/net" "$1/.net"
	[ ! -d "$1/virtio0" ] || mv "$1/virtio0" "$1/.virtio0"
}

show_ifaces() {
	[ ! -d "$1/.net" ] || mv "$1/.net" "$1/net"
	[ ! -d "$1/.virtio0" ] || mv "$1/.virtio0" "$1/virtio0"
	for net in "$1"/net/* "$1"/virtio0/net/*; do
		[ ! -e "$net" ] || ln -s "$net" "$R/sys/class/net/$(basename "$net")"
	done
}

group_number() {
	basename "$(readlink "$1/iommu_group")"
}

# The folder vfio-dev is always there; with VFIO_DEVICE_CDEV it has a device number, and /dev the file to it.
make_nodes() {
	umask 077
	mkdir -p "$1/vfio-dev/vfio0"
	if [ -e "$R/has-cdev" ]; then
		echo 511:0 >"$1/vfio-dev/vfio0/dev"
		mkdir -p "$R/dev/vfio/devices"
		touch "$R/dev/vfio/devices/vfio0"
	fi
	touch "$R/dev/vfio/$(group_number "$1")"
}

serve_probe() {
	exec 3<>"$R/kernel/probe"
	while read -r addr <&3; do
		dev=$R/sys/devices/pci0000:00/$addr
		driver=$(cat "$dev/driver_override")
		case $driver in '' | '(null)') driver=$(cat "$R/native/$addr") ;; esac
		if [ -e "$dev/driver" ] || [ -e "$R/refuse/$driver-$addr" ] || [ ! -d "$R/sys/bus/pci/drivers/$driver" ]; then
			continue
		fi
		[ "$driver" != vfio-pci ] || make_nodes "$dev"
		[ "$driver" = vfio-pci ] || show_ifaces "$dev"
		ln -s "../../../bus/pci/drivers/$driver" "$dev/driver"
	done
}

# Commands that would touch the real machine. ip shows what the test put into $R/ip/addr and $R/ip/route.
make_commands() {
	mkdir -p "$WORK/bin"
	command_is id '
case "$1:${2:-}" in
-u: | -u:root) echo "${FAKE_UID:-0}" ;;
-un:) [ "${FAKE_UID:-0}" = 0 ] && echo root || echo alice ;;
-u:alice) echo 4242 ;;
-G:alice) echo "4242 4243" ;;
-G:*) echo 0 ;;
*) exit 1 ;;
esac'
	command_is ip '
case "$*" in
"addr show dev "*) cat "$R/ip/addr-$4" 2>/dev/null ;;
route) cat "$R/ip/route" 2>/dev/null ;;
"-6 route") cat "$R/ip/route6" 2>/dev/null ;;
*) exit 1 ;;
esac'
	command_is modprobe '
echo "modprobe $*" >>"$R/log/commands"
[ ! -e "$R/refuse/modprobe" ] || exit 1
[ "$1" != vfio-pci ] || mkdir -p "$R/sys/bus/pci/drivers/vfio-pci" &&
	ln -sf "$R/kernel/unbind" "$R/sys/bus/pci/drivers/vfio-pci/unbind"
[ "$1" != kvfio_pci ] || mkdir -p "$R/sys/module/kvfio_pci" "$R/sys/module/kvfio/holders" "$R/sys/bus/pci/drivers/kvfio-pci"
case $1 in *vfio*) ;; *) mkdir -p "$R/sys/bus/pci/drivers/$1"; ln -sf "$R/kernel/unbind" "$R/sys/bus/pci/drivers/$1/unbind" ;; esac'
	command_is insmod '
echo "insmod ${1#"$R"}" >>"$R/log/commands"
name=$(echo "${1##*/}" | tr - _)
name=${name%.ko}
[ ! -e "$R/refuse/insmod-$name" ] || exit 1
mkdir -p "$R/sys/module/$name/holders"
[ "$name" != vfio ] || mkdir -p "$R/sys/module/kvfio/holders/vfio"
[ "$name" != vfio_pci ] || mkdir -p "$R/sys/bus/pci/drivers/vfio-pci"'
	command_is rmmod '
echo "rmmod $1" >>"$R/log/commands"
[ ! -e "$R/refuse/rmmod-$1" ] || exit 1
rm -rf "$R/sys/module/$1" "$R/sys/module/kvfio/holders/$1"
[ "$1" != vfio_pci ] || rm -rf "$R/sys/bus/pci/drivers/vfio-pci"
[ "$1" != kvfio_pci ] || rm -rf "$R/sys/bus/pci/drivers/kvfio-pci"'
	command_is chown '
[ ! -e "$R/refuse/chown" ] || exit 1
echo "chown $*" >>"$R/log/commands"'
	command_is getent '[ "$1 $2" = "group vireo" ]'
	command_is udevadm 'echo "udevadm $*" >>"$R/log/commands"'
	command_is hugeadm '
echo "hugeadm $*" >>"$R/log/commands"
echo "hugeadm:WARNING: no swap" >&2
n=${2#*:}
[ ! -e "$R/refuse/hugeadm" ] || n=$((n / 4))
case $2 in 2MB:*) kib=2048 ;; *) kib=1048576 ;; esac
echo "$n" >"$R/sys/kernel/mm/hugepages/hugepages-${kib}kB/nr_hugepages"'
}

# NAME BODY
command_is() {
	printf '#!/bin/sh\n%s\n' "$2" >"$WORK/bin/$1"
	chmod +x "$WORK/bin/$1"
}
