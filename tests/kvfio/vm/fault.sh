# SPDX-License-Identifier: BSD-2-Clause
# Memory is short once, at every place where that can happen while the module is loaded, a device is bound, opened, mapped,
# its interrupts set up and closed: whatever was done is undone, and the next user finds all as new.
# machine: pair
# seconds: 300

. /tests/guest/kvfio.sh
KVFIO=/kvfio/debug

left_over()
{
	cat /sys/module/kvfio/parameters/fail_nth
}

nothing_pinned()
{
	cat /proc/sys/vm/stat_refresh >/dev/null
	[ $(($(pins acquired) - $(pins released))) -eq 0 ] || fail "$*: pages are still pinned"
}

# An object that the core makes when it is loaded.
n=1
while ! insmod $KVFIO/kvfio.ko fail_nth=$n 2>/tmp/insmod.err; do
	n=$((n + 1))
	[ $n -lt 20 ] || { dmesg | tail -n 5; fail "kvfio cannot be loaded: $(cat /tmp/insmod.err)"; }
done
is "ways in which loading failed" $((n - 1)) -ge 2
rmmod kvfio
kvfio_load

n=1
bound=0
while :; do
	device_release $E0
	echo kvfio-pci >/sys/bus/pci/devices/$E0/driver_override
	echo $n >/sys/module/kvfio/parameters/fail_nth
	echo $E0 >/sys/bus/pci/drivers_probe 2>/dev/null || true
	[ "$(left_over)" = 0 ] || break
	[ -z "$(driver_of $E0)" ] || bound=$((bound + 1))
	n=$((n + 1))
	[ $n -lt 100 ] || fail "binding never ends"
done
echo 0 >/sys/module/kvfio/parameters/fail_nth
check "it is bound when nothing fails" [ "$(driver_of $E0)" = kvfio-pci ]
echo "binding: $((n - 1)) places, in $bound of them it was bound all the same"
is "places at which binding can fail" $((n - 1)) -ge 3

# every_failure NODE_DIRECTORY GROUP DEVICE
every_failure()
{
	n=1
	while :; do
		echo $n >/sys/module/kvfio/parameters/fail_nth
		code=0
		as_user kvfio-cycle "$@" >/tmp/cycle.out 2>&1 || code=$?
		[ $code -le 1 ] || { cat /tmp/cycle.out; fail "place $n: exit code $code"; }
		[ "$(left_over)" = 0 ] || break
		sed -n 's/^# //p' /tmp/cycle.out | tr '\n' ' ' | sed "s/^/$n: /; s/\$/\n/"
		nothing_pinned "place $n"
		n=$((n + 1))
		[ $n -lt 1000 ] || fail "it never ends"
	done
	echo 0 >/sys/module/kvfio/parameters/fail_nth
	as_user kvfio-cycle "$@" >/tmp/cycle.out 2>&1 || { cat /tmp/cycle.out; fail "and afterwards it does not work"; }
	echo "$3: $((n - 1)) places"
}

driver_give kvfio-pci $E0
every_failure /dev/kvfio "$(group_of $E0)" $E0
is "places" $n -gt 30
node_give /dev/kvfio "$(soft_group)"
every_failure /dev/kvfio "$(soft_group)" kvfio-test0
is "places" $n -gt 10

# only_known_reports WHERE: what the kernel has said since the last time, but for reports that are no fault of ours. Each is
# named here with its reason; anything else ends the scenario.
#
# - remove_proc_entry() below unregister_irq_proc(): register_irq_proc() does not look whether it could make
#   /proc/irq/N/smp_affinity, and unregister_irq_proc() removes it all the same, which warns when it is not there.
# - iommu_detach_group() puts the group into a domain that blocks all, iommu_group_release_dma_owner() into the kernel's own; where the
#   driver of the IOMMU has no memory for that, they warn and tell their caller nothing. Intel's driver has taken the device out of the old
#   domain by then, and the group can be claimed by nobody any more. To remove the device does not help: Linux 6.1 follows a null pointer
#   then (dmar_remove_one_dev_info()).
only_known_reports()
{
	dmesg -c | awk '
		/\[ cut here \]/ { inside = 1; report = "" }
		!inside { print; next }
		{ report = report $0 "\n" }
		/\[ end trace / {
			inside = 0
			if (report ~ /name .[a-z_]+.\n.*WARNING: .* remove_proc_entry\+.*unregister_irq_proc\+/ ||
			    report ~ /iommu driver failed to attach .*\n.*WARNING: .* iommu_(detach_group|group_release_dma_owner)\+.*container_detach_group\+/)
				print "known" >>"/tmp/known"
			else
				printf "%s", report
		}
		END { if (inside) printf "%s", report }' >/tmp/said
	! grep -qE 'DMAR: .*(fault|INTR-REMAP)|WARNING:|BUG:|Oops|Call Trace|blocked for more than|rcu.*stall' /tmp/said || {
		cat /tmp/said
		fail "$1: the kernel complained: $(grep -m 1 -E 'WARNING:|BUG:|Oops|DMAR|Call Trace' /tmp/said)"
	}
}

# enabled_give DEVICE: to kvfio-pci, enabled. Whoever enables or disables a device for all asks ACPI for its interrupt line, and ACPI's
# interpreter in Linux 6.1 uses what it has freed when an allocation of its own fails (KASAN: acpi_ns_get_attached_object).
enabled_give()
{
	device_release $1
	echo 1 >/sys/bus/pci/devices/$1/enable
	driver_give kvfio-pci $1
}

# The kernel's own injection reaches what is allocated on our behalf: --kernel debug has it. It also reaches what the kernel allocates
# for itself, and where that warns the machine must go on for the allocations behind it to be tried, too.
# every_allocation DEVICE...: of the first, and of the next from where its group is lost.
every_allocation()
{
	used=$1
	enabled_give $1
	for what in failslab fail_page_alloc; do
		echo N >/sys/kernel/debug/$what/ignore-gfp-wait
		echo 0 >/sys/kernel/debug/$what/verbose
	done
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
	only_known_reports "before any"
	echo 0 >/proc/sys/kernel/panic_on_warn
	: >/tmp/known
	n=1
	while :; do
		code=0
		as_user kvfio-cycle /dev/kvfio "$(group_of $1)" $1 $n 10 >/tmp/cycle.out 2>&1 || code=$?
		only_known_reports "allocations from $n on"
		nothing_pinned "allocations from $n on"
		case $code in
		0 | 1) n=$((n + 10)) ;;
		3) n=$(sed -n 's/^# there is no allocation //p' /tmp/cycle.out); break ;;
		4)
			# It was the one before that lost it, when it was closed.
			n=$(sed -n 's/^# it was allocation //p' /tmp/cycle.out)
			[ $# -gt 1 ] || fail "the group is lost again and again, now before allocation $n"
			echo "the group of $1 is lost before allocation $n"
			shift
			used="$used $1"
			enabled_give $1
			host spoiled
			;;
		*) cat /tmp/cycle.out; fail "exit code $code: $(tail -n 1 /tmp/cycle.out)" ;;
		esac
	done
	echo "$used: $((n - 1)) allocations, $(wc -l </tmp/known) known warnings of Linux"
	as_user kvfio-cycle /dev/kvfio "$(group_of $1)" $1 || fail "and afterwards it does not work"
}

if [ -e /proc/self/fail-nth ]; then
	every_allocation $E0 "$A" "$B"
	is "allocations" $n -gt 100
	for device in $used; do
		device_release $device
		echo 0 >/sys/bus/pci/devices/$device/enable
	done
	# What is missing below /proc/irq for the INTx line is noticed when its last device lets it go: a card of the kernel's.
	ends_reset
	only_known_reports "the end"
	echo 1 >/proc/sys/kernel/panic_on_warn
fi
kvfio_unload
