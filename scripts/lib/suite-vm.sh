# SPDX-License-Identifier: BSD-2-Clause
# Suite vm: scenarios on a real kernel with a real IOMMU. One file each in tests/vm/; several share one boot.

VM_TESTS=$TOP/tests/vm
VFIO_DRIVER=${VFIO_DRIVER:-vfio-pci}
LONG=${LONG:-}
# Whose scenarios run: other suites use the same machine.
VM_SUITE=vm

vm_list()
{
	local file
	for file in "$VM_TESTS"/*.sh; do
		case $file in *.host.sh) continue ;; esac
		basename "$file" .sh
	done
}

# vm_header NAME KEY: the value of a "# KEY: value" line of a scenario.
vm_header()
{
	sed -n "s/^# $2: *//p" "$VM_TESTS/$1.sh" | head -n 1
}

vm_prepare()
{
	need_packages "a virtual machine with a real kernel" "${PACKAGES_BUILD[@]}" "${PACKAGES_VM[@]}"
	build_plain
	kernel_prepare
	vm_stage "$BUILD/vm/stage"
	rootfs_prepare "$BUILD/vm/stage"
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
	cp -r "$VM_TESTS"/*.sh "$VM_TESTS/guest" "$stage/tests/"
	rm -f "$stage"/tests/*.host.sh
	install -m 755 "$VM_TESTS/guest/init" "$stage/init"
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

# vm_run SCENARIO...: all of them, in as few boots as possible.
vm_run()
{
	local machine name names
	for machine in pair tap; do
		names=()
		for name in "$@"; do
			[ "$(vm_header "$name" machine)" != "$machine" ] || names+=("$name")
		done
		[ ${#names[@]} = 0 ] || vm_run_on "$machine" "${names[@]}"
	done
}

# A scenario that takes the machine down with it fails; the others get a new machine.
vm_run_on()
{
	local machine=$1 name
	shift
	VM_PENDING=("$@")
	while [ ${#VM_PENDING[@]} -gt 0 ]; do
		qemu_lock
		if [ "$machine" = tap ] && ! taps_create >"$BUILD/vm/reason"; then
			for name in "${VM_PENDING[@]}"; do
				verdict skip "$VM_SUITE" "$name" "$(cat "$BUILD/vm/reason")"
			done
			break
		fi
		VM_CURRENT=
		VM_CONSOLE=$VM_DIR/console-$machine.log
		mkdir -p "$VM_DIR"
		rm -f "$VM_CONSOLE"
		qemu_start "$machine" "file,path=$VM_CONSOLE" \
			"vireo.driver=$VFIO_DRIVER ${LONG:+vireo.long} vireo.run=$(IFS=,; echo "${VM_PENDING[*]}")" ||
			die "QEMU did not start: $(cat "$VM_DIR/qemu.log")"
		vm_serve
		qemu_stop
		if [ ${#VM_PENDING[@]} -gt 0 ]; then
			vm_crashed "${VM_CURRENT:-${VM_PENDING[0]}}"
		fi
	done
	[ "$machine" != tap ] || taps_destroy
}

# vm_serve [SECONDS]: serve the guest's requests until the machine is gone, a deadline has passed, or a request has set
# VM_DONE.
vm_serve()
{
	local line
	VM_DONE=
	VM_DEADLINE=$((SECONDS + ${1:-120}))
	VM_WHY="the machine stopped by itself"
	while qemu_running; do
		if [ $SECONDS -ge $VM_DEADLINE ]; then
			VM_WHY="the machine did not answer in time"
			return 0
		fi
		read -r -t 1 -u "$CTL_OUT" line || continue
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
		VM_DEADLINE=$((SECONDS + words[2] + 60))
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
	VM_DEADLINE=$((SECONDS + 120))
}

# vm_verdict NAME VERDICT REASON: and it is no longer pending.
vm_verdict()
{
	local name still=()
	verdict "$2" "$VM_SUITE" "$1" "$3"
	[ -z "$LONG" ] || [ -z "$(vm_header "$1" long)" ] || proof "$VM_SUITE/$1, Linux $KERNEL_VERSION, $VFIO_DRIVER" "$2: $3"
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
	log=$(log_of "$VM_SUITE" "$1")
	tr -d '\r' <"$VM_CONSOLE" | sed -n "/^@@ begin $1\$/,\$p" >"$log"
	[ -s "$log" ] || tail -n 60 "$VM_CONSOLE" | tr -d '\r' >"$log"
	cat "$VM_DIR/qemu.log" >>"$log"
	vm_verdict "$1" FAIL "$VM_WHY"
}

# A scenario's part of the console is its log.
vm_log()
{
	tr -d '\r' <"$VM_CONSOLE" | sed -n "/^@@ begin $1\$/,/^@@ end $1\$/p" >"$(log_of "$VM_SUITE" "$1")"
}

# --- What every scenario may ask of the host ---

host_ping()
{
	echo pong
}

# hmp WORDS: a command of QEMU's monitor.
host_hmp()
{
	hmp "$@"
}

host_capture_start()
{
	capture_start "$1" "$VM_DIR/$1.pcap"
}

host_capture_stop()
{
	capture_stop "$1"
}
