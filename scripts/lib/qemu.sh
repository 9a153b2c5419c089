# SPDX-License-Identifier: BSD-2-Clause
# The virtual machine: started, spoken to over its monitor and one serial line, and gone when the script is.
#
# Emulated (TCG), so it runs everywhere, also where there is no /dev/kvm. One at a time per machine: several would only
# make each other's deadlines pass.

VM_LOCK=${VIREO_VM_LOCK:-$BUILD/vm/lock}
VM_DIR=$BUILD/vm/run
QEMU_PID=
VM_LOCK_FD=
# Its processors, its memory and how its time passes.
QEMU_CPU=(-accel tcg,thread=multi -smp 2 -m 1536M)

# The machines. "pair" has the guest's own stack at both ends of the line:
#
#     k0 (kernel) --- v0 (vfio)   v1 (vfio) --- k1 (kernel)
#
# and besides them e0 (an 82574), s0 and s1 (two cards that share one IOMMU group), l0 (a virtio card of the old kind), and
# q35's own AHCI controller as something that is no network card. In "tap" the ends of the line are two taps of the host, with vnet_hdr on.
# v0 and v1 sit below root ports, so that they can be pulled out. "clients" is "pair" with e0 on the left wire, and programs of
# others in it (clients.sh). "odd" is "pair" without interrupt remapping, with an IOMMU that enforces coherency, and with devices
# that have something unusual.
qemu_devices()
{
	local machine=$1 iommu=disable-legacy=on,iommu_platform=on,romfile= e0_hub=2 e0_rom=
	[ "$machine" != clients ] || e0_hub=0
	[ "$machine" != odd ] || e0_rom=$VM_DIR/odd.rom

	case $machine in
	odd) printf '%s\n' -device intel-iommu,intremap=off,snoop-control=on,caching-mode=on ;;
	*) printf '%s\n' -device intel-iommu,intremap=on,caching-mode=on ;;
	esac
	printf '%s\n' -device pcie-root-port,id=rp0,chassis=1,addr=04.0 -device pcie-root-port,id=rp1,chassis=2,addr=05.0
	if [ "$machine" = tap ]; then
		printf '%s\n' \
			-netdev tap,id=w0,ifname=vtap0,script=no,downscript=no,vhost=off \
			-netdev tap,id=w1,ifname=vtap1,script=no,downscript=no,vhost=off
	else
		printf '%s\n' \
			-netdev hubport,id=w0,hubid=0 -netdev hubport,id=h0,hubid=0 \
			-netdev hubport,id=w1,hubid=1 -netdev hubport,id=h1,hubid=1 \
			-device virtio-net-pci,id=k0,netdev=h0,addr=02.0,mac=52:54:00:00:00:10,disable-legacy=on,romfile= \
			-device virtio-net-pci,id=k1,netdev=h1,addr=03.0,mac=52:54:00:00:00:11,disable-legacy=on,romfile= \
			-netdev hubport,id=he,hubid=$e0_hub -netdev hubport,id=hs0,hubid=3 -netdev hubport,id=hs1,hubid=3 \
			-device "e1000e,id=e0,netdev=he,addr=06.0,mac=52:54:00:00:00:30,romfile=$e0_rom" \
			-netdev hubport,id=hl,hubid=4 \
			-device virtio-net-pci,id=l0,netdev=hl,addr=08.0,mac=52:54:00:00:00:50,disable-modern=on,disable-legacy=off,romfile= \
			-device pcie-pci-bridge,id=bridge,addr=07.0 \
			-device "virtio-net-pci,id=s0,netdev=hs0,bus=bridge,addr=01.0,mac=52:54:00:00:00:40,$iommu" \
			-device "virtio-net-pci,id=s1,netdev=hs1,bus=bridge,addr=02.0,mac=52:54:00:00:00:41,$iommu"
	fi
	printf '%s\n' \
		-device "virtio-net-pci,id=v0,netdev=w0,bus=rp0,mac=52:54:00:00:00:20,aer=on,$iommu" \
		-device "virtio-net-pci,id=v1,netdev=w1,bus=rp1,mac=52:54:00:00:00:21,$iommu"
	[ "$machine" != odd ] || qemu_odd_devices
}

# A BAR smaller than a page, a large one and a ROM, which e0 has, too; a card that shares its interrupt line with e0; an NVMe
# controller with virtual functions; a bus that goes past the IOMMU, with a card. They come last, because QEMU would take that bus
# for the default one.
qemu_odd_devices()
{
	rom_create "$VM_DIR/odd.rom"
	printf '%s\n' \
		-object memory-backend-ram,id=shared,size=4M -device "ivshmem-plain,memdev=shared,addr=09.0,romfile=$VM_DIR/odd.rom" \
		-netdev hubport,id=hr,hubid=5 -device rtl8139,netdev=hr,addr=0a.0,mac=52:54:00:00:00:60,romfile= \
		-device pcie-root-port,id=rp2,chassis=3,addr=0c.0 -device nvme-subsys,id=nvmes -device \
		nvme,bus=rp2,serial=odd,subsys=nvmes,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,max_ioqpairs=6,msix_qsize=4 \
		-device pxb-pcie,id=bare,bus_nr=128,bypass_iommu=on,addr=0d.0 \
		-device pcie-root-port,id=rp3,bus=bare,chassis=4,addr=00.0 -netdev hubport,id=hb,hubid=6 \
		-device virtio-net-pci,netdev=hb,bus=rp3,mac=52:54:00:00:00:70,disable-legacy=on,romfile=
}

# rom_create FILE: 2 KiB with the header of an expansion ROM (PCI Firmware 3.0, 5.1) for nobody's device; tests/kvfio/bars.c knows the rest.
rom_create()
{
	local i byte text='\x55\xaa\x04'
	for ((i = 3; i < 2048; i++)); do
		case $i in
		24) text+='\x1c' ;;
		28) text+=PCIR ;;
		29 | 30 | 31) ;;
		38) text+='\x18' ;; # bytes that this second header has
		44) text+='\x04' ;; # blocks of 512 bytes
		49) text+='\x80' ;; # the last image
		*) printf -v byte '\\x%02x' $((i < 64 ? 0 : 7 * i & 255)) && text+=$byte ;;
		esac
	done
	printf '%b' "$text" >"$1"
}

# qemu_lock: wait until no other machine runs on this computer. What must be fresh when QEMU starts is made after it.
qemu_lock()
{
	[ -z "$VM_LOCK_FD" ] || return 0
	mkdir -p "$VM_DIR" "$(dirname "$VM_LOCK")"
	exec {VM_LOCK_FD}>"$VM_LOCK"
	if ! flock -n "$VM_LOCK_FD"; then
		say "-- waiting for the other virtual machine on this computer to end ($VM_LOCK)"
		flock -w 3600 "$VM_LOCK_FD" || die "$VM_LOCK is still held after an hour"
	fi
}

# qemu_start MACHINE CONSOLE ARGUMENTS: boot with kernel ARGUMENTS; CONSOLE is a chardev ("file,path=..", "stdio").
# QEMU_PREFIX, an array, may hold a command to run it under.
qemu_start()
{
	local machine=$1 console=$2 arguments=$3 devices in=/dev/null out=$VM_DIR/qemu.out
	[[ $console != stdio* ]] || in=/dev/tty out=/dev/tty
	qemu_lock
	rm -f "$VM_DIR"/*.in "$VM_DIR"/*.out
	mkfifo "$VM_DIR/ctl.in" "$VM_DIR/ctl.out" "$VM_DIR/qmp.in" "$VM_DIR/qmp.out"
	mapfile -t devices < <(qemu_devices "$machine")
	# A periodic tick: under emulation on a busy host a one-shot timer interrupt can get lost, and the CPU that waits for it
	# sleeps for good; with a tick the next one wakes it.
	local timers="no_timer_check nohz=off highres=off"
	# The debug kernel leaves what devices of the host do untranslated: with translation, Linux 6.1 itself takes locks in an
	# order at boot (of dmar_global_lock and cpu_hotplug_lock) that lockdep reports, and it reports nothing after that.
	local dma=nopt says=quiet
	# And it says why it stops: warnings are not for the console otherwise. Its ACPI interpreter takes half a minute for the interrupts
	# of a bus, which is no stall.
	[ "$KERNEL" != debug ] || { dma=pt says="loglevel=5 rcupdate.rcu_cpu_stall_timeout=120"; }
	# Opened for reading and writing, so that neither side waits for the other to open.
	exec {CTL_IN}<>"$VM_DIR/ctl.in" {CTL_OUT}<>"$VM_DIR/ctl.out" {QMP_IN}<>"$VM_DIR/qmp.in" {QMP_OUT}<>"$VM_DIR/qmp.out"
	"${QEMU_PREFIX[@]+"${QEMU_PREFIX[@]}"}" setpriv --pdeathsig KILL qemu-system-x86_64 "${QEMU_CPU[@]}" -cpu max \
		-machine q35,kernel-irqchip=split -nodefaults -display none -no-reboot -no-user-config \
		-chardev "$console,id=console" -serial chardev:console \
		-chardev "pipe,id=ctl,path=$VM_DIR/ctl" -serial chardev:ctl \
		-chardev "pipe,id=qmp,path=$VM_DIR/qmp" -mon chardev=qmp,mode=control \
		"${devices[@]}" -kernel "$KERNEL_DIR/vmlinux" -initrd "$INITRD" \
		-append "console=ttyS0 rdinit=/init $says panic=-1 $timers mitigations=off intel_iommu=on iommu=$dma $arguments" \
		<"$in" >"$out" 2>"$VM_DIR/qemu.log" {VM_LOCK_FD}>&- &
	QEMU_PID=$!
	qmp '{"execute":"qmp_capabilities"}' >/dev/null || die "QEMU did not start: $(tail -n 1 "$VM_DIR/qemu.log")"
}

qemu_running()
{
	[ -n "$QEMU_PID" ] && kill -0 "$QEMU_PID" 2>/dev/null
}

# Ends the machine if it still runs, and gives back everything that qemu_start took. Safe to call at any time.
qemu_stop()
{
	if [ -n "$QEMU_PID" ]; then
		kill -KILL "$QEMU_PID" 2>/dev/null || true
		wait "$QEMU_PID" 2>/dev/null || true
		QEMU_PID=
		exec {CTL_IN}>&- {CTL_OUT}>&- {QMP_IN}>&- {QMP_OUT}>&-
	fi
	if [ -n "$VM_LOCK_FD" ]; then
		exec {VM_LOCK_FD}>&-
		VM_LOCK_FD=
	fi
}

# qmp JSON: one command to the monitor; prints the answer. Fails on an error answer or none within 20 seconds.
qmp()
{
	local line
	printf '%s\n' "$1" >&"$QMP_IN"
	while read -r -t 20 -u "$QMP_OUT" line; do
		line=${line%$'\r'}
		case $line in
		'{"return"'*) printf '%s\n' "$line"; return 0 ;;
		'{"error"'*) printf '%s\n' "$line"; return 1 ;;
		esac
	done
	return 1
}

# hmp COMMAND: a line of the human monitor; fails when it answers anything, because those that we use say nothing.
hmp()
{
	local answer
	answer=$(qmp "$(jq -cn --arg line "$*" '{execute: "human-monitor-command", arguments: {"command-line": $line}}')") || return 1
	[ "$answer" = '{"return": ""}' ] || { printf '%s\n' "$answer" | jq -r .return | tr -d '\r' | tr '\n' ' '; return 1; }
}

# Wires can be recorded from outside: every frame that passes netdev $1, both ways, into a pcap file.
capture_start()
{
	qmp "$(jq -cn --arg id "dump-$1" --arg netdev "$1" --arg file "$2" \
		'{execute: "object-add", arguments: {"qom-type": "filter-dump", id: $id, netdev: $netdev, file: $file, maxlen: 65536}}')"
}

capture_stop()
{
	qmp "{\"execute\":\"object-del\",\"arguments\":{\"id\":\"dump-$1\"}}"
}
