#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# shellcheck disable=SC2013,SC2030,SC2031,SC2317 # tests are called by name, each with an environment of its own
#
# vireo-bind on machines made of files. Usage: test_vireo_bind.sh VIREO-BIND VERSION SHELL [ARG]

set -u
HERE=$(cd "$(dirname "$0")" && pwd)
TOOL=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
WANT_VERSION=$2
shift 2
WORK=$(mktemp -d)
export TOOL WORK
n_tests=0
failed=0
R=

# shellcheck source=tests/tools/fake-machine.sh
. "$HERE/fake-machine.sh"

trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM

# ---- harness --------------------------------------------------------------------------------------------------------

# Commands outside of the tool's directory of them: nothing else is found. An ash with applets asks PATH last, so there
# the stand-ins become functions.
make_path() {
	local name
	make_commands
	for name in awk sed grep ls cat cut tr sort fold mkdir mv rm readlink sleep chmod env sh; do
		[ -e "$WORK/bin/$name" ] || ln -s "$(command -v $name)" "$WORK/bin/$name"
	done
}

# Run the tool with SHELL_WORDS; its output goes to $WORK/out, its status to $status.
tool() {
	# shellcheck disable=SC2086,SC2016 # words of a command; expanded by the inner shell
	(
		PATH=$WORK/bin
		exec $SHELL_WORDS -c '
			for name in id ip modprobe insmod rmmod chown; do
				[ ! -x "$WORK/bin/$name" ] || eval "$name() { \"\$WORK/bin/$name\" \"\$@\"; }"
			done
			. "$TOOL"' vireo-bind "$@"
	) >"$WORK/out" 2>&1 </dev/null
	status=$?
}

# Every check that fails says what was expected.
problem() {
	printf '# %s\n' "$*"
	sed 's/^/#   | /' "$WORK/out"
	bad=1
}

want_status() {
	[ "$status" = "$1" ] || problem "exit status $status, expected $1"
}

want() {
	grep -qF -e "$1" "$WORK/out" || problem "the output lacks: $1"
}

want_not() {
	! grep -qF -e "$1" "$WORK/out" || problem "the output has: $1"
}

want_driver() {
	local is
	is=$(basename "$(readlink "$R/sys/bus/pci/devices/$1/driver" || echo none)")
	[ "$is" = "$2" ] || problem "$1 has driver $is, expected $2"
}

want_override() {
	[ "$(cat "$R/sys/bus/pci/devices/$1/driver_override")" = "$2" ] || problem "driver_override of $1 is not '$2'"
}

want_file() {
	grep -qF -e "$2" "$1" 2>/dev/null || problem "$1 lacks: $2"
}

want_gone() {
	[ ! -e "$1" ] || problem "$1 is still there"
}

# Everything on the machine but the log, to see that nothing has changed.
snapshot() {
	(
		cd "$R" || exit
		find . -path ./log -prune -o -type f -exec cksum {} + | sort
		find . -path ./log -prune -o -type l -exec ls -l {} + | sed 's/.* \.\//.\//' | sort
	)
}

check() {
	local name=$1
	n_tests=$((n_tests + 1))
	bad=
	new_machine
	"$name" </dev/null
	end_machine
	unset FAKE_UID SUDO_USER CLASS
	if [ -z "$bad" ]; then
		echo "ok $n_tests - $name"
	else
		echo "not ok $n_tests - $name"
		failed=1
	fi
}

two_cards() {
	add_card 0000:00:03.0 1af4:1041 virtio-pci 3 eth1
	add_card 0000:00:04.0 1af4:1041 virtio-pci 4 eth2
}

# ---- status ---------------------------------------------------------------------------------------------------------

status_all_right_ends_with_ready() {
	two_cards
	tool bind 0000:00:03.0 0000:00:04.0
	want_status 0
	tool status
	want_status 0
	want "ready: 0000:00:03.0 0000:00:04.0"
	want "vfio-pci (before: virtio-pci)"
	want_not '!'
}

status_kernel_driver_names_the_bind_command() {
	two_cards
	FAKE_UID=4242
	export FAKE_UID
	tool status
	want_status 0
	want "sudo vireo-bind bind --user alice 0000:00:03.0"
	want "eth1 up 10000 Mb/s"
	want "2 things to do"
	tool status eth2
	want "0000:00:04.0"
	want_not "0000:00:03.0"
	want "1 thing to do"
}

no_iommu() {
	rm -rf "$R/sys/kernel/iommu_groups" "$R/sys/class/iommu"
	add_card 0000:00:03.0 1af4:1041 virtio-pci none eth1
}

status_no_iommu_in_qemu_names_its_options() {
	no_iommu
	mkdir -p "$R/sys/class/dmi/id"
	echo QEMU >"$R/sys/class/dmi/id/sys_vendor"
	tool status
	want "-device intel-iommu,intremap=on,caching-mode=on"
	want "needs the IOMMU first"
	want "1 thing to do"
	tool bind 0000:00:03.0
	want_status 4
	want "-device intel-iommu"
}

status_no_iommu_on_metal_names_the_bios() {
	no_iommu
	tool status
	want "BIOS"
	want_not hypervisor
}

status_iommu_table_without_parameter_names_the_parameter() {
	no_iommu
	mkdir -p "$R/sys/firmware/acpi/tables" "$R/etc/default"
	touch "$R/sys/firmware/acpi/tables/DMAR"
	tool status
	want "lacks intel_iommu=on"
	touch "$R/etc/default/grub"
	tool status
	want "/etc/default/grub && sudo update-grub"
}

status_iommu_switched_off_names_the_word() {
	no_iommu
	mkdir -p "$R/sys/firmware/acpi/tables"
	touch "$R/sys/firmware/acpi/tables/DMAR"
	echo 'root=/dev/vda1 intel_iommu=off quiet' >"$R/proc/cmdline"
	tool status
	want "switches the IOMMU off with intel_iommu=off"
}

status_no_interrupt_remapping_is_a_thing_to_do() {
	two_cards
	echo '16: 0 IO-APIC 16-fasteoi' >"$R/proc/interrupts"
	tool status
	want "does not remap interrupts"
	want "allow_unsafe_interrupts=1"
	mkdir -p "$R/sys/module/vfio_iommu_type1/parameters"
	echo Y >"$R/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"
	tool status
	want_not "does not remap interrupts"
}

status_no_module_says_so() {
	two_cards
	rm -rf "$R/sys/bus/pci/drivers/vfio-pci"
	tool status
	want "not loaded (bind does it)"
	: >"$R/lib/modules/6.1.0/modules.dep"
	tool status
	want "has no module vfio-pci"
}

status_foreign_driver_in_group_is_named() {
	add_card 0000:00:03.0 1af4:1041 virtio-pci 3 eth1
	CLASS=0x010601 add_card 0000:00:03.1 8086:2922 ahci 3
	CLASS=0x060400 add_card 0000:00:01.0 8086:3420 pcieport 3
	tool status
	want "also holds 0000:00:03.1 (ahci)"
	want_not pcieport
	want "slot of its own"
}

status_address_and_route_are_named_and_not_counted() {
	two_cards
	printf '2: eth1: <UP>\n    inet 192.0.2.2/24 brd 192.0.2.255 scope global eth1\n    inet6 fe80::1/64 scope link\n' >"$R/ip/addr-eth1"
	echo 'default via 192.0.2.1 dev eth1' >"$R/ip/route"
	tool status
	want "the machine's way out: eth1 has the address 192.0.2.2/24, the default route"
	want_not fe80
	want "1 thing to do"
}

status_virtio_without_access_platform_names_the_option() {
	two_cards
	features 0000:00:03.0 10
	features 0000:00:04.0 00
	tool status 0000:00:03.0
	want "-device virtio-net-pci,disable-legacy=on,disable-modern=off,iommu_platform=on"
	want "ACCESS_PLATFORM"
	tool status 0000:00:04.0
	want "legacy-only"
}

status_virtio_bits_are_remembered_when_bound() {
	two_cards
	features 0000:00:03.0 10
	tool bind 0000:00:03.0
	want_status 0
	tool status 0000:00:03.0
	want ACCESS_PLATFORM
}

status_unknown_card_is_no_thing_to_do() {
	add_card 0000:00:03.0 15b3:1017 mlx5_core 3 eth1
	tool status
	want "vireo has no driver for 15b3:1017"
	want "no card is free for vireo"
}

status_foreign_permissions_name_the_user() {
	two_cards
	tool bind 0000:00:03.0
	chmod 600 "$R/dev/vfio/3"
	FAKE_UID=4242
	export FAKE_UID
	tool status 0000:00:03.0
	want "alice may not open /dev/vfio/3"
	want "sudo vireo-bind bind --user alice 0000:00:03.0"
	chmod 666 "$R/dev/vfio/3"
	tool status 0000:00:03.0
	want "ready: 0000:00:03.0"
}

status_small_memlock_names_the_limit() {
	two_cards
	memlock_limit 8388608
	SUDO_USER=alice
	export SUDO_USER
	tool status
	want "alice may lock only 8192 KiB"
	tool bind --user alice 0000:00:03.0
	tool status
	want "from the next login on"
}

status_few_hugepages_name_the_command() {
	two_cards
	huge_pool 2048 128 0
	tool status
	want "no hugepage is free"
	want "sudo vireo-bind hugepages --count 32"
	huge_pool 2048 128 16
	tool status
	want "only 48 MiB of hugepages are free"
}

status_fits_100_columns() {
	local long
	no_iommu
	mkdir -p "$R/sys/class/dmi/id" "$R/sys/firmware/acpi/tables" "$R/etc/default"
	echo QEMU >"$R/sys/class/dmi/id/sys_vendor"
	memlock_limit 65536
	huge_pool 2048 0 0
	FAKE_UID=4242
	export FAKE_UID
	: >"$R/lib/modules/6.1.0/modules.dep"
	rm -rf "$R/sys/bus/pci/drivers/vfio-pci"
	for table in '' DMAR; do
		[ -z "$table" ] || touch "$R/sys/firmware/acpi/tables/$table" "$R/etc/default/grub"
		printf 'inet 192.0.2.2/24\ninet 198.51.100.200/24\ninet6 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/64\n' >"$R/ip/addr-eth1"
		tool status
		want "4 things to do"
		long=$(awk 'length($0) > 100' "$WORK/out")
		[ -z "$long" ] || problem "too wide: $long"
	done
}

status_json_is_json() {
	two_cards
	tool bind eth1
	printf '    inet 192.0.2.2/24\n' >"$R/ip/addr-eth2"
	CLASS=0x010601 add_card 0000:00:04.1 8086:2922 ahci 4
	tool status --json
	want_status 0
	want '"address": "0000:00:03.0"'
	want '"driver_before": "virtio-pci"'
	want '"group_members": [{"address": "0000:00:04.1", "driver": "ahci"}]'
	want '"uses": ["eth2 has the address 192.0.2.2/24"]'
	if command -v python3 >/dev/null; then
		python3 -m json.tool <"$WORK/out" >/dev/null || problem "not JSON"
	fi
}

# ---- bind -----------------------------------------------------------------------------------------------------------

bind_free_card_moves_it_and_remembers() {
	two_cards
	tool bind 0000:00:03.0
	want_status 0
	want_driver 0000:00:03.0 vfio-pci
	want_driver 0000:00:04.0 virtio-pci
	want_override 0000:00:03.0 vfio-pci
	want_file "$R/var/lib/vireo/bind/0000:00:03.0" driver=virtio-pci
	want "only root may use it"
	want_gone "$R/etc/security/limits.d/50-vireo.conf"
}

bind_by_interface_or_short_address_means_the_card() {
	two_cards
	tool bind eth1 00:04.0
	want_status 0
	want_driver 0000:00:03.0 vfio-pci
	want_driver 0000:00:04.0 vfio-pci
}

bind_again_changes_nothing() {
	local before
	two_cards
	tool bind --user alice eth1
	before=$(snapshot)
	tool bind --user alice 0000:00:03.0
	want_status 0
	want "before: virtio-pci"
	[ "$before" = "$(snapshot)" ] || problem "something has changed"
}

bind_for_a_user_gives_node_rule_and_limit() {
	two_cards
	tool bind --user=alice --group vireo 0000:00:03.0
	want_status 0
	want_file "$R/log/commands" "chown alice:vireo $R/dev/vfio/3"
	case $(ls -l "$R/dev/vfio/3") in -rw-rw----*) ;; *) problem "the mode is not 0660" ;; esac
	want_file "$R/etc/udev/rules.d/70-vireo-0000:00:03.0.rules" 'OWNER="alice", GROUP="vireo", MODE="0660"'
	want_file "$R/etc/udev/rules.d/70-vireo-0000:00:03.0.rules" '%k/devices/0000:00:03.0'
	want_file "$R/etc/security/limits.d/50-vireo.conf" "alice - memlock unlimited"
	want_file "$R/etc/security/limits.d/50-vireo.conf" "@vireo - memlock unlimited"
	want_file "$R/log/commands" "udevadm control --reload"
	want "next, as alice: vireo-pktgen 0000:00:03.0"
}

bind_for_numbers_needs_no_names() {
	two_cards
	tool bind --user 100999 --group 100998 eth1
	want_status 0
	want_file "$R/log/commands" "chown 100999:100998 $R/dev/vfio/3"
	want_file "$R/etc/security/limits.d/50-vireo.conf" "100999:100999 - memlock unlimited"
	want_file "$R/etc/security/limits.d/50-vireo.conf" "@100998:100998 - memlock unlimited"
	tool unbind 0000:00:03.0
	want_gone "$R/etc/security/limits.d/50-vireo.conf"
}

bind_card_that_vireo_refuses_warns() {
	two_cards
	features 0000:00:03.0 10
	tool bind eth1 eth2
	want_status 0
	want "0000:00:03.0 will be refused by vireo"
	want_not "0000:00:04.0 will be refused"
}

bind_for_a_user_gives_the_device_file_too() {
	two_cards
	touch "$R/has-cdev"
	tool bind --user alice eth1
	want_status 0
	want_file "$R/log/commands" "chown alice $R/dev/vfio/3"
	want_file "$R/log/commands" "chown alice $R/dev/vfio/devices/vfio0"
	tool status 0000:00:03.0
	want "/dev/vfio/devices/vfio0 (user"
}

bind_loads_the_module() {
	two_cards
	rm -rf "$R/sys/bus/pci/drivers/vfio-pci"
	tool bind eth1
	want_status 0
	want_file "$R/log/commands" "modprobe vfio-pci"
	want_driver 0000:00:03.0 vfio-pci
}

# STATUS WORDS ARGS: refused for the reason WORDS, with nothing changed
refused() {
	local before code=$1 words=$2
	shift 2
	before=$(snapshot)
	tool "$@"
	want_status "$code"
	want "$words"
	[ "$(grep -c . "$WORK/out")" -le 2 ] || problem "more than a sentence"
	[ "$before" = "$(snapshot)" ] || problem "something has changed"
}

bind_address_is_refused_unless_forced() {
	two_cards
	printf '2: eth1: <UP> mtu 1500\n    inet 192.0.2.2/24 scope global eth1\n' >"$R/ip/addr-eth1"
	refused 3 "eth1 has the address 192.0.2.2/24" bind eth2 eth1
	tool bind --force eth1
	want_status 0
	want_driver 0000:00:03.0 vfio-pci
}

bind_route_is_refused() {
	two_cards
	printf 'default proto static\n\tnexthop via 192.0.2.1 dev eth1 weight 1\n' >"$R/ip/route"
	refused 3 "the default route" bind eth1
	printf '2001:db8:1::/48 via fe80::1 dev eth2 metric 1024\nfe80::/64 dev eth1 metric 256\n' >"$R/ip/route6"
	rm "$R/ip/route"
	refused 3 "a route to 2001:db8:1::/48" bind eth2
	tool bind eth1
	want_status 0
}

bind_bridge_port_is_refused() {
	two_cards
	mkdir -p "$R/sys/class/net/br0"
	ln -s ../br0 "$R/sys/class/net/eth1/master"
	ln -s ../br0 "$R/sys/class/net/eth1/upper_br0"
	refused 3 "port of br0" bind eth1
	ln -s ../eth2.5 "$R/sys/class/net/eth2/upper_eth2.5"
	refused 3 "eth2.5 on top of it" bind eth2
}

bind_hidden_interface_is_refused() {
	two_cards
	rm "$R/sys/class/net/eth1"
	rm -r "$R/sys/devices/pci0000:00/0000:00:03.0/virtio0/net"
	refused 3 "another network namespace" bind 0000:00:03.0
}

bind_parent_of_virtual_functions_is_refused() {
	two_cards
	echo 4 >"$R/sys/bus/pci/devices/0000:00:03.0/sriov_numvfs"
	echo 0 >"$R/sys/bus/pci/devices/0000:00:04.0/sriov_numvfs"
	refused 3 "its 4 virtual functions" bind eth1
	tool status 0000:00:03.0
	want "echo 0 | sudo tee /sys/bus/pci/devices/0000:00:03.0/sriov_numvfs"
	tool bind eth2
	want_status 0
}

bind_without_ip_reads_proc() {
	case $SHELL_WORDS in *busybox*) return ;; esac
	two_cards
	rm "$WORK/bin/ip"
	{
		printf 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n'
		printf 'eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n'
	} >"$R/proc/net/route"
	printf 'fe800000000000000000000000000001 02 40 20 80     eth2\n' >"$R/proc/net/if_inet6"
	printf '20010db8000000000000000000000001 02 40 00 80     eth2\n' >>"$R/proc/net/if_inet6"
	refused 3 "a route to 192.0.2.0/255.255.255.0" bind eth1
	refused 3 "the address 2001:0db8:0000:0000:0000:0000:0000:0001" bind eth2
	make_commands
}

bind_foreign_group_is_refused() {
	two_cards
	CLASS=0x010601 add_card 0000:00:03.1 8086:2922 ahci 3
	refused 4 "also holds 0000:00:03.1 (ahci)" bind eth1
	refused 4 "0000:00:03.1 (ahci)" bind --with-group eth1
	refused 4 "0000:00:03.1 (ahci)" bind --force eth1
}

bind_with_group_takes_the_other_ports() {
	add_card 0000:00:03.0 8086:10fb ixgbe 3 eth1
	add_card 0000:00:03.1 8086:10fb ixgbe 3 eth2
	CLASS=0x060400 add_card 0000:00:01.0 8086:3420 pcieport 3
	refused 4 "add --with-group" bind eth1
	printf '    inet 192.0.2.2/24\n' >"$R/ip/addr-eth2"
	refused 3 "eth2 has the address" bind --with-group eth1
	rm "$R/ip/addr-eth2"
	tool bind --with-group eth1
	want_status 0
	want_driver 0000:00:03.0 vfio-pci
	want_driver 0000:00:03.1 vfio-pci
	want_driver 0000:00:01.0 pcieport
}

bind_both_ports_of_a_group_needs_no_option() {
	add_card 0000:00:03.0 8086:10fb ixgbe 3 eth1
	add_card 0000:00:03.1 8086:10fb ixgbe 3 eth2
	tool bind eth1 eth2
	want_status 0
	want_driver 0000:00:03.1 vfio-pci
}

bind_no_group_is_refused() {
	two_cards
	add_card 0000:00:05.0 1af4:1041 virtio-pci none eth3
	refused 4 "not behind the IOMMU" bind eth3
}

bind_driver_that_fails_puts_everything_back() {
	two_cards
	echo my-driver >"$R/sys/bus/pci/devices/0000:00:03.0/driver_override"
	echo >"$R/sys/bus/pci/devices/0000:00:04.0/driver_override"
	touch "$R/refuse/vfio-pci-0000:00:04.0"
	undone 1 "did not give 0000:00:04.0 to vfio-pci" bind --user alice eth1 eth2
}

# As refused, for what was begun and undone.
undone() {
	local before code=$1 words=$2
	shift 2
	before=$(snapshot)
	VIREO_BIND_WAIT=1 tool "$@"
	want_status "$code"
	want "$words"
	want_driver 0000:00:03.0 virtio-pci
	want_driver 0000:00:04.0 virtio-pci
	[ "$(snapshot)" = "$before" ] || problem "not everything is as before"
}

bind_chown_that_fails_puts_everything_back() {
	two_cards
	touch "$R/refuse/chown"
	echo my-driver >"$R/sys/bus/pci/devices/0000:00:03.0/driver_override"
	undone 1 "could not give /dev/vfio/3 to alice" bind --user alice eth1
}

bind_for_another_that_fails_leaves_it_with_the_first() {
	two_cards
	tool bind --user alice eth1
	touch "$R/refuse/chown"
	refused 1 "could not give /dev/vfio/3 to root" bind --user root 0000:00:03.0
}

bind_module_that_fails_changes_nothing() {
	two_cards
	rm -rf "$R/sys/bus/pci/drivers/vfio-pci"
	touch "$R/refuse/modprobe"
	refused 1 "modprobe vfio-pci failed" bind eth1
}

bind_dry_run_changes_nothing_and_shows_all() {
	local shown plain
	two_cards
	FAKE_UID=4242
	export FAKE_UID
	changes_nothing bind --dry-run --user alice eth1
	shown=$(cat "$WORK/out")
	play "$shown"
	want_driver 0000:00:03.0 vfio-pci
	plain=$(snapshot | grep -v /dev/)
	unset FAKE_UID
	tool unbind 0000:00:03.0
	tool bind --user alice eth1
	[ "$plain" = "$(snapshot | grep -v /dev/)" ] || problem "what it showed is not what it does"
}

# Run what --dry-run has shown. Our kernel takes a moment for what the real one does at once.
play() {
	PATH=$WORK/bin:$PATH sh -ec "$(printf '%s\n' "$1" | sed '/^echo/s/$/; sleep 0.4/')" >"$WORK/out" 2>&1 ||
		problem "what it showed does not run"
}

changes_nothing() {
	local before
	before=$(snapshot)
	tool "$@"
	want_status 0
	[ "$before" = "$(snapshot)" ] || problem "something has changed"
}

# ---- unbind ---------------------------------------------------------------------------------------------------------

unbind_gives_back_to_the_driver_before() {
	two_cards
	tool bind --user alice eth1
	tool unbind 0000:00:03.0
	want_status 0
	want "back with virtio-pci as eth1"
	want_driver 0000:00:03.0 virtio-pci
	want_override 0000:00:03.0 ""
	want_gone "$R/var/lib/vireo/bind/0000:00:03.0"
	want_gone "$R/etc/udev/rules.d/70-vireo-0000:00:03.0.rules"
	want_gone "$R/etc/security/limits.d/50-vireo.conf"
}

unbind_keeps_the_limit_while_another_card_needs_it() {
	two_cards
	tool bind --user alice eth1 eth2
	tool unbind 0000:00:03.0
	want_file "$R/etc/security/limits.d/50-vireo.conf" "alice - memlock unlimited"
	tool unbind 0000:00:04.0
	want_gone "$R/etc/security/limits.d/50-vireo.conf"
}

unbind_restores_an_override_that_was_there() {
	two_cards
	mkdir -p "$R/sys/bus/pci/drivers/other"
	echo other >"$R/sys/bus/pci/devices/0000:00:03.0/driver_override"
	tool bind eth1
	tool unbind 0000:00:03.0
	want_status 0
	want_driver 0000:00:03.0 virtio-pci
	want_override 0000:00:03.0 other
}

unbind_card_without_driver_before_leaves_it_without() {
	add_card 0000:00:03.0 1af4:1041 none 3
	tool bind 0000:00:03.0
	want_status 0
	tool unbind 0000:00:03.0
	want_status 0
	want "without a driver as before"
	want_driver 0000:00:03.0 none
}

unbind_unremembered_card_lets_the_kernel_decide() {
	two_cards
	tool bind eth1
	rm "$R/var/lib/vireo/bind/0000:00:03.0"
	tool unbind 0000:00:03.0
	want_status 0
	want_driver 0000:00:03.0 virtio-pci
}

unbind_loads_the_driver_that_was_unloaded() {
	two_cards
	tool bind eth1 eth2
	rm -r "$R/sys/bus/pci/drivers/virtio-pci"
	tool unbind 0000:00:03.0
	want_status 0
	want_file "$R/log/commands" "modprobe virtio-pci"
	want_driver 0000:00:03.0 virtio-pci
}

unbind_kernel_card_has_nothing_to_do() {
	two_cards
	changes_nothing unbind 0000:00:03.0
	want "nothing to give back"
}

unbind_card_in_use_is_refused_with_the_process() {
	two_cards
	tool bind eth1
	mkdir -p "$R/proc/812/fd" "$R/proc/813/fd"
	echo vireo-fwd >"$R/proc/812/comm"
	ln -s /dev/vfio/3 "$R/proc/812/fd/5"
	ln -s /dev/vfio/33 "$R/proc/813/fd/5"
	refused 3 "in use by vireo-fwd (pid 812):" unbind 0000:00:03.0
	tool unbind --force 0000:00:03.0
	want_status 0
	want_driver 0000:00:03.0 virtio-pci
}

unbind_device_without_group_in_use_is_refused() {
	two_cards
	tool bind eth1
	mkdir -p "$R/proc/812/fdinfo"
	echo vireo-fwd >"$R/proc/812/comm"
	printf 'pos:\t0\nvfio-device-syspath:\t/sys/devices/pci0000:00/0000:00:03.0\n' >"$R/proc/812/fdinfo/6"
	refused 3 "vireo-fwd (pid 812)" unbind 0000:00:03.0
}

unbind_device_that_is_not_given_back_ends_with_a_sentence() {
	two_cards
	tool bind eth1
	touch "$R/hold/0000:00:03.0"
	VIREO_BIND_WAIT=1 tool unbind --force 0000:00:03.0
	want_status 1
	want "still holds 0000:00:03.0"
	want_file "$R/var/lib/vireo/bind/0000:00:03.0" driver=virtio-pci
	rm "$R/hold/0000:00:03.0"
	sleep 1
	tool unbind 0000:00:03.0
	want_status 0
	want_driver 0000:00:03.0 virtio-pci
}

unbind_dry_run_changes_nothing_and_shows_all() {
	local shown
	two_cards
	tool bind --user alice eth1
	changes_nothing unbind --dry-run 0000:00:03.0
	shown=$(cat "$WORK/out")
	play "$shown"
	want_driver 0000:00:03.0 virtio-pci
	want_gone "$R/var/lib/vireo/bind/0000:00:03.0"
}

# ---- hugepages -----------------------------------------------------------------------------------------------------

hugepages_shows_sizes_and_nodes() {
	huge_pool 1048576 4 3
	FAKE_UID=4242
	export FAKE_UID
	tool hugepages
	want_status 0
	grep -Eq '^2M +0 +128 +128$' "$WORK/out" || problem "no line for 2M on node 0"
	grep -Eq '^1G +1 +2 +1$' "$WORK/out" || problem "no line for 1G on node 1"
}

hugepages_count_goes_through_hugeadm() {
	tool hugepages --count 64
	want_status 0
	want_not "no swap"
	want_file "$R/log/commands" "hugeadm --pool-pages-min 2MB:64"
}

hugepages_fewer_than_asked_says_how_many() {
	touch "$R/refuse/hugeadm"
	tool hugepages --size 2M --count 1024
	want_status 1
	want "gave 256 of 1024 pages of 2M"
	want "no swap"
	want compact_memory
	huge_pool 1048576 0 0
	tool hugepages --size=1G --count=8
	want_status 1
	want "hugepagesz=1G hugepages=8"
}

hugepages_more_than_memory_are_refused() {
	printf 'MemTotal:       16777216 kB\nMemAvailable:    3145728 kB\n' >"$R/proc/meminfo"
	huge_pool 2048 0 0
	refused 1 "3072 MiB are available, enough for 1024 pages in all" hugepages --count 1025
	refused 1 "enough for 1024 pages in all" hugepages --count 1025 --node 1
	tool hugepages --count 1024
	want_status 0
	tool hugepages --count 1025
	want_status 0
	printf 'MemTotal:       16777216 kB\nMemAvailable:      1024 kB\n' >"$R/proc/meminfo"
	tool hugepages --count 1000
	want_status 0
}

hugepages_node_writes_to_that_node() {
	tool hugepages --node 1 --count 77
	want_status 0
	want_file "$R/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages" 77
	tool hugepages --node 7 --count 77
	want_status 2
	want "no NUMA node 7"
}

hugepages_without_hugeadm_writes_itself_and_says_so() {
	rm "$WORK/bin/hugeadm"
	tool hugepages --count 99
	want_status 0
	want "hugeadm is missing"
	want_file "$R/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages" 99
	make_commands
}

hugepages_dry_run_shows_the_command() {
	changes_nothing hugepages --dry-run --count 99
	want "hugeadm --pool-pages-min 2MB:99"
}

# ---- kvfio ----------------------------------------------------------------------------------------------------------

# LINES: the commands that were run.
want_commands() {
	[ "$(cat "$R/log/commands" 2>/dev/null)" = "$1" ] || problem "commands: $(cat "$R/log/commands"), expected: $1"
}

kvfio_says_what_is_missing() {
	tool kvfio
	want_status 0
	want "is not built for kernel 6.1.0"
	want "sudo make -C kvfio install"
	refused 1 "is not built for kernel 6.1.0" kvfio --drop-in
}

kvfio_for_another_kernel_is_named() {
	kvfio_files 6.0.0
	refused 1 "not built for kernel 6.1.0 (only for 6.0.0)" kvfio --drop-in
}

kvfio_front_without_core_is_refused() {
	kvfio_files 6.1.0
	sed -i /kvfio/d "$R/lib/modules/6.1.0/modules.dep"
	refused 1 "has no module kvfio_pci" kvfio --drop-in
}

kvfio_drop_in_loads_all_of_it() {
	kvfio_files 6.1.0
	rmdir "$R/sys/bus/pci/drivers/vfio-pci" 2>/dev/null || rm -r "$R/sys/bus/pci/drivers/vfio-pci"
	tool kvfio
	want "sudo vireo-bind kvfio --drop-in"
	tool kvfio --drop-in
	want_status 0
	want "kvfio is in the place of upstream"
	want_commands "modprobe kvfio_pci
insmod /usr/lib/kvfio/6.1.0/vfio.ko
insmod /usr/lib/kvfio/6.1.0/vfio-pci.ko"
	tool status
	want "kvfio in the place of upstream"
	tool kvfio --drop-in
	want_status 0
	want "already"
	tool kvfio --unload
	want_status 0
	tool kvfio
	want_not "loaded: /dev/vfio"
}

kvfio_drop_in_takes_the_place_of_idle_upstream() {
	kvfio_files 6.1.0
	upstream_modules
	tool kvfio --drop-in
	want_status 0
	want_commands "rmmod vfio_pci
rmmod vfio_iommu_type1
rmmod vfio
modprobe kvfio_pci
insmod /usr/lib/kvfio/6.1.0/vfio.ko
insmod /usr/lib/kvfio/6.1.0/vfio-pci.ko"
}

kvfio_drop_in_dry_run_changes_nothing() {
	kvfio_files 6.1.0
	upstream_modules
	snapshot >"$WORK/before"
	tool kvfio --drop-in --dry-run
	want_status 0
	want "rmmod vfio_pci"
	want "insmod $R/usr/lib/kvfio/6.1.0/vfio.ko"
	snapshot | cmp -s - "$WORK/before" || problem "something has changed"
}

kvfio_drop_in_refuses_upstream_in_use() {
	kvfio_files 6.1.0
	upstream_modules
	two_cards
	tool bind 0000:00:03.0
	refused 3 "vfio-pci is loaded and has 0000:00:03.0" kvfio --drop-in
	want "sudo vireo-bind unbind 0000:00:03.0"
	tool unbind 0000:00:03.0
	mkdir "$R/sys/module/vfio/holders/mdev"
	refused 3 "the module mdev needs it" kvfio --drop-in
	rmdir "$R/sys/module/vfio/holders/mdev"
	rm "$R/sys/module/vfio/initstate"
	refused 1 "VFIO is built into kernel 6.1.0" kvfio --drop-in
}

kvfio_drop_in_that_fails_brings_upstream_back() {
	kvfio_files 6.1.0
	upstream_modules
	touch "$R/refuse/insmod-vfio_pci"
	tool kvfio --drop-in
	want_status 1
	want "refused vfio-pci.ko"
	want_commands "rmmod vfio_pci
rmmod vfio_iommu_type1
rmmod vfio
modprobe kvfio_pci
insmod /usr/lib/kvfio/6.1.0/vfio.ko
insmod /usr/lib/kvfio/6.1.0/vfio-pci.ko
rmmod vfio
modprobe vfio-pci
modprobe vfio_iommu_type1"
}

kvfio_unload_refuses_while_cards_are_bound() {
	kvfio_files 6.1.0
	tool kvfio --unload
	want_status 0
	want "kvfio is not loaded"
	tool kvfio --drop-in
	two_cards
	tool bind 0000:00:03.0
	refused 3 "vfio-pci of kvfio has 0000:00:03.0" kvfio --unload
	tool unbind 0000:00:03.0
	touch "$R/refuse/rmmod-kvfio"
	tool kvfio --unload
	want_status 3
	want "module kvfio could not be unloaded"
}

# ---- arguments ------------------------------------------------------------------------------------------------------

wrong_arguments_end_with_a_sentence_and_2() {
	two_cards
	mkdir -p "$R/sys/class/net/br0"
	refused 2 "do what?"
	refused 2 "no command frob" frob
	refused 2 "bind which card?" bind
	refused 2 "unbind which card?" unbind
	refused 2 "no option --frob" bind --frob eth1
	refused 2 "no option --frob" status --frob
	refused 2 "no option --frob" unbind --frob 0000:00:03.0
	refused 2 "--user needs a name" bind eth1 --user
	refused 2 "no user nobody-here" bind --user nobody-here eth1
	refused 2 "no group nobody-here" bind --group nobody-here eth1
	refused 2 "not igb_uio" bind --driver igb_uio eth1
	refused 2 "no interface eth9" bind eth9
	refused 2 "no PCI device 0000:00:09.0" bind 00:09.0
	refused 2 "no PCI address" bind 00:zz.0
	refused 2 "neither a PCI address" bind ../../etc
	refused 2 "has no PCI card behind it" bind br0
	refused 2 "no argument --frob" kvfio --frob
	refused 2 "one of --drop-in and --unload" kvfio --drop-in --unload
	refused 2 "--count is a number" hugepages --count many
	refused 2 "--size is 2M or 1G" hugepages --size 4K --count 1
	refused 2 "--node needs --count" hugepages --node 1
	refused 2 "no hugepages of 1G" hugepages --size 1G --count 1
}

other_classes_of_devices_are_left_alone() {
	CLASS=0x010601 add_card 0000:00:03.1 8086:2922 ahci 3
	refused 2 "not a network card" bind 0000:00:03.1
	refused 2 "not a network card" bind --force 0000:00:03.1
	refused 2 "not a network card" unbind 0000:00:03.1
	refused 2 "not a network card" status 0000:00:03.1
}

not_root_says_how() {
	two_cards
	FAKE_UID=4242
	export FAKE_UID
	refused 5 "run as root: sudo vireo-bind bind --user alice eth1" bind --user alice eth1
	refused 5 "run as root: sudo vireo-bind unbind 0000:00:03.0" unbind 0000:00:03.0
	refused 5 "run as root: sudo vireo-bind hugepages --count 5" hugepages --count 5
	kvfio_files 6.1.0
	refused 5 "run as root: sudo vireo-bind kvfio --drop-in" kvfio --drop-in
}

help_and_version_say_so() {
	tool --help
	want_status 0
	want "vireo-bind status"
	[ -z "$(awk 'length($0) > 100' "$WORK/out")" ] || problem "wider than 100 columns"
	tool bind --help
	want_status 0
	tool --version
	want_status 0
	want "vireo-bind $WANT_VERSION"
}

# ---- all of them ----------------------------------------------------------------------------------------------------

SHELL_WORDS=$(command -v "$1")${2:+ $2}
make_path
for name in $(sed -n 's/^\([a-z0-9_]*\)() {$/\1/p' "$0" | grep -E '^(status|bind|unbind|hugepages|kvfio|wrong|other|not|help)_'); do
	check "$name"
done
echo "1..$n_tests"
exit $failed
