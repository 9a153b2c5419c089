# SPDX-License-Identifier: BSD-2-Clause
# The suites that run in the machine: scenarios on a real kernel with a real IOMMU. One file each; several share one boot.
# A test is called SCENARIO@KERNEL. Suites vm, vm-kvfio and vm-front are one list of scenarios on three VFIO modules.

# Where a suite's scenarios are, which module has the cards, and the kernels it runs on unless --kernel names others. The
# three modules run every scenario on one kernel each, because all on all take half an hour; suite kvfio asks on both kernels
# what a module could answer differently on them.
declare -A MACHINE_TESTS=([vm]=vm [kvfio]=kvfio/vm [vm-kvfio]=vm [vm-front]=vm)
declare -A MACHINE_MODULE=([vm]=vfio-pci [kvfio]=vfio-pci [vm-kvfio]=kvfio-pci [vm-front]=kvfio-front)
declare -A MACHINE_KERNELS=([vm]=6.1 [kvfio]="6.1 6.12" [vm-kvfio]=6.12 [vm-front]=6.1)

LONG=${LONG:-}
# What is set while a suite runs.
VM_SUITE=vm
VM_MODULE=${VFIO_MODULE:-vfio-pci}
VM_TESTS=$TOP/tests/vm

# machine_suite SUITE
machine_suite()
{
	VM_SUITE=$1
	VM_MODULE=${MACHINE_MODULE[$1]}
	VM_TESTS=$TOP/tests/${MACHINE_TESTS[$1]}
}

# KERNELS, when it is not empty, is what --kernel said.
machine_kernels()
{
	echo "${KERNELS:-${MACHINE_KERNELS[$1]}}"
}

machine_list()
{
	local file kernel
	machine_suite "$1"
	for kernel in $(machine_kernels "$1"); do
		for file in "$VM_TESTS"/*.sh; do
			case $file in *.host.sh) continue ;; esac
			echo "$(basename "$file" .sh)@$kernel"
		done
	done
}

# machine_run SUITE SCENARIO@KERNEL...: kernel by kernel, all of a kernel in as few boots as possible.
machine_run()
{
	local suite=$1 names machine name
	shift
	for KERNEL in $(printf '%s\n' "$@" | sed 's/.*@//' | awk '!seen[$0]++'); do
		machine_suite "$suite"
		vm_prepare
		for machine in pair tap clients odd; do
			names=()
			for name in "$@"; do
				[ "${name#*@}" = "$KERNEL" ] || continue
				[ "$(vm_header "${name%@*}" machine)" != "$machine" ] || names+=("${name%@*}")
			done
			[ ${#names[@]} = 0 ] || vm_run_on "$machine" "${names[@]}"
		done
	done
}

# vm_header NAME KEY: the value of a "# KEY: value" line of a scenario.
vm_header()
{
	sed -n "s/^# $2: *//p" "$VM_TESTS/$1.sh" | head -n 1
}

# Where the guest has the scenarios.
vm_guest_tests()
{
	case $VM_TESTS in
	*/kvfio/vm) echo /tests/kvfio ;;
	*/bench/vm) echo /tests/bench ;;
	*) echo /tests ;;
	esac
}

# vm_prepare: everything that goes into a machine with KERNEL for the module VM_MODULE, once.
vm_prepare()
{
	local with_kvfio=
	[ "$VM_SUITE $VM_MODULE" = "vm vfio-pci" ] || with_kvfio=kvfio
	[ "${VM_PREPARED:-}" != "$KERNEL $with_kvfio" ] || return 0
	VM_PREPARED=
	need_packages "a virtual machine with a real kernel" "${PACKAGES_BUILD[@]}" "${PACKAGES_VM[@]}"
	build_plain
	kernel_prepare
	vm_stage "$BUILD/vm/stage"
	[ -z "$with_kvfio" ] || kvfio_stage "$BUILD/vm/stage"
	rootfs_prepare "$BUILD/vm/stage"
	VM_PREPARED="$KERNEL $with_kvfio"
}

# What is tested goes into the guest as "meson install" would put it, the test programs, the examples and the scenarios
# beside it.
vm_stage()
{
	local stage=$1 program
	rm -rf "$stage"
	mkdir -p "$stage/tests" "$stage/usr/bin"
	step "install into the guest" env DESTDIR="$stage" meson install -C "$BUILD/plain" --no-rebuild
	vm_stage_examples "$stage"
	rm -rf "${stage:?}/usr/share" "$stage/usr/include" "$stage/usr/lib"/*/pkgconfig
	cp -r "$TOP"/tests/vm/*.sh "$TOP/tests/vm/guest" "$stage/tests/"
	rm -f "$stage"/tests/*.host.sh
	install -m 755 "$TOP/tests/vm/guest/init" "$stage/init"
	for program in "$BUILD"/plain/tests/vm/vmtest-*; do
		[ ! -f "$program" ] || cp "$program" "$stage/usr/bin/"
	done
}

# As somebody would build them who has vireo installed and has never seen the tree.
vm_stage_examples()
{
	local stage=$1 program outside=$BUILD/vm/examples
	[ -e "$TOP/examples/Makefile" ] || return 0
	rm -rf "$outside"
	cp -r "$TOP/examples" "$outside"
	step "build the examples outside the tree" env PKG_CONFIG_SYSROOT_DIR="$stage" \
		PKG_CONFIG_PATH="$stage/usr/lib/x86_64-linux-gnu/pkgconfig" make -C "$outside"
	for program in "$outside"/*; do
		[ ! -f "$program" ] || [ ! -x "$program" ] || cp "$program" "$stage/usr/bin/example-$(basename "$program")"
	done
}

# A scenario that fails, whether it takes the machine down with it or not, leaves the others to a new machine.
vm_run_on()
{
	local machine=$1 name INITRD=$INITRD
	shift
	VM_PENDING=("$@")
	[ "$machine" != clients ] || clients_prepare
	while [ ${#VM_PENDING[@]} -gt 0 ]; do
		qemu_lock
		if [ "$machine" = tap ] && ! taps_create >"$BUILD/vm/reason"; then
			for name in "${VM_PENDING[@]}"; do
				verdict skip "$VM_SUITE" "$name@$KERNEL" "$(cat "$BUILD/vm/reason")"
			done
			break
		fi
		VM_CURRENT=
		VM_CONSOLE=$VM_DIR/console-$machine.log
		mkdir -p "$VM_DIR"
		rm -f "$VM_CONSOLE"
		qemu_start "$machine" "file,path=$VM_CONSOLE" \
			"vireo.module=$VM_MODULE vireo.tests=$(vm_guest_tests) ${LONG:+vireo.long} vireo.run=$(IFS=,; echo "${VM_PENDING[*]}")" ||
			die "QEMU did not start: $(cat "$VM_DIR/qemu.log")"
		vm_serve
		qemu_stop
		if [ -z "$VM_DONE" ] && [ ${#VM_PENDING[@]} -gt 0 ]; then
			vm_crashed "${VM_CURRENT:-${VM_PENDING[0]}}"
		fi
	done
	[ "$machine" != tap ] || taps_destroy
}

# How long a machine may say nothing between its scenarios: it boots, or what it did last is being taken down.
vm_patience()
{
	[ "$KERNEL" = debug ] && echo 900 || echo 240
}

# vm_serve [SECONDS]: serve the guest's requests until the machine is gone, a deadline has passed, or a request has set
# VM_DONE.
vm_serve()
{
	local line part=
	VM_DONE= VM_SPOILED=
	VM_DEADLINE=$((SECONDS + ${1:-$(vm_patience)}))
	VM_WHY="the machine stopped by itself"
	while qemu_running; do
		if [ $SECONDS -ge $VM_DEADLINE ]; then
			VM_WHY="the machine did not answer in time"
			return 0
		fi
		# When the second is over in the middle of a line, its beginning has been read already.
		read -r -t 1 -u "$CTL_OUT" line || { part+=$line; continue; }
		line=$part$line
		part=
		vm_request "${line%$'\r'}"
		[ -z "$VM_DONE" ] || return 0
	done
}

vm_request()
{
	local words answer
	read -ra words <<<"$1"
	case ${words[0]:-} in
	begin)
		VM_CURRENT=${words[1]}
		VM_DEADLINE=$((SECONDS + words[2]))
		# shellcheck source=/dev/null
		[ ! -e "$VM_TESTS/$VM_CURRENT.host.sh" ] || . "$VM_TESTS/$VM_CURRENT.host.sh"
		answer=ok
		;;
	result)
		vm_result "${words[1]}" "${words[2]}" "${words[*]:3}"
		answer=ok
		;;
	*)
		if ! declare -F "host_${words[0]}" >/dev/null; then
			answer="error: the host knows no ${words[0]}"
		elif "host_${words[0]}" "${words[@]:1}" >"$VM_DIR/answer" 2>&1; then
			answer="ok $(tr '\n' ' ' <"$VM_DIR/answer")"
		else
			answer="error: $(tr '\n' ' ' <"$VM_DIR/answer")"
		fi
		;;
	esac
	printf '%s\n' "$answer" >&"$CTL_IN"
}

vm_result()
{
	vm_log "$1"
	vm_verdict "$@"
	VM_DEADLINE=$((SECONDS + $(vm_patience)))
	# Who knows what it has left behind: the others get a new machine.
	[ "$2" != FAIL ] && [ -z "$VM_SPOILED" ] || VM_DONE=1
}

# vm_verdict NAME VERDICT REASON: and it is no longer pending.
vm_verdict()
{
	local name still=()
	verdict "$2" "$VM_SUITE" "$1@$KERNEL" "$3"
	[ -z "$LONG" ] || [ -z "$(vm_header "$1" long)" ] || vm_proof "$@"
	for name in "${VM_PENDING[@]}"; do
		[ "$name" = "$1" ] || still+=("$name")
	done
	VM_PENDING=(${still[@]+"${still[@]}"})
	VM_CURRENT=
}

# The machine is gone and the scenario did not end: what the console said last is its log.
vm_crashed()
{
	local log
	log=$(log_of "$VM_SUITE" "$1@$KERNEL")
	tr -d '\r' <"$VM_CONSOLE" | sed -n "/^@@ begin $1\$/,\$p" >"$log"
	[ -s "$log" ] || tail -n 60 "$VM_CONSOLE" | tr -d '\r' >"$log"
	cat "$VM_DIR/qemu.log" >>"$log"
	vm_verdict "$1" FAIL "$VM_WHY"
}

# Suite kvfio has one module, which its name says.
vm_proof()
{
	local module=", $VM_MODULE" took
	[ "$VM_SUITE" != kvfio ] || module=
	took=$(tr -d '\r' <"$(log_of "$VM_SUITE" "$1@$KERNEL")" | sed -n 's/^it took //p')
	proof "$VM_SUITE/$1, Linux $KERNEL_VERSION$module" "$2${3:+: $3}${took:+, $took}"
}

# A scenario's part of the console is its log.
vm_log()
{
	tr -d '\r' <"$VM_CONSOLE" | sed -n "/^@@ begin $1\$/,/^@@ end $1\$/p" >"$(log_of "$VM_SUITE" "$1@$KERNEL")"
}

# --- What every scenario may ask of the host ---

host_ping()
{
	echo pong
}

# spoiled: the machine is not as the next scenario must find it, and cannot be.
host_spoiled()
{
	VM_SPOILED=1
}

# hmp WORDS: a command of QEMU's monitor.
host_hmp()
{
	hmp "$@"
}

# aer DEVICE ERROR: the device reports an error to its root port.
host_aer()
{
	local answer
	answer=$(hmp "pcie_aer_inject_error $1 $2") || true
	[[ $answer = OK* ]] || { printf '%s' "$answer"; return 1; }
}

host_capture_start()
{
	capture_start "$1" "$VM_DIR/$1.pcap"
}

host_capture_stop()
{
	capture_stop "$1"
}
