# SPDX-License-Identifier: BSD-2-Clause
# Virtual functions: only when the administrator says so, then for users alone, who need the token of the physical function.
# machine: odd
# seconds: 60
# dmesg: interrupts are not isolated

. /tests/guest/kvfio.sh
kvfio_load
unsafe_interrupts 1
mkfifo /tmp/input
for driver in vfio-pci kvfio-pci; do
	dir=/dev/${driver%-pci}
	numvfs=/sys/bus/pci/devices/$NVME/sriov_numvfs
	parameters=/sys/module/kvfio_pci/parameters
	[ $driver = kvfio-pci ] || parameters=/sys/module/vfio_pci/parameters
	driver_give $driver "$NVME"
	check "no virtual functions by default ($driver)" sh -c "! echo 2 2>/dev/null >$numvfs"
	echo 1 >$parameters/enable_sriov
	rm -f /tmp/held
	$AS_USER kvfio-token $dir "$(group_of "$NVME")" "$NVME" </tmp/input >/tmp/held 2>&1 &
	user=$!
	exec 9>/tmp/input
	wait_for 10 "the user has the physical function" grep -q held /tmp/held
	echo 2 >$numvfs
	vf=$(basename "$(readlink -f "/sys/bus/pci/devices/$NVME/virtfn0")")
	check "a virtual function is for $driver" [ "$(driver_of "$vf")" = $driver ]
	check "its number cannot be changed" sh -c "! echo 1 2>/dev/null >$numvfs"
	node_give $dir "$(group_of "$vf")"
	echo "$(group_of "$vf") $vf" >&9
	exec 9>&-
	code=0
	wait $user || code=$?
	cat /tmp/held
	is "exit code of the user" $code -eq 0
	grep -E '^ok' /tmp/held >"/tmp/token.$driver"
	sleep 0.5
	check "a physical function with virtual ones stays awake" [ "$(cat "/sys/bus/pci/devices/$NVME/power_state")" = D0 ]
	device_release "$NVME"
	check "the virtual ones go with it" [ ! -e "/sys/bus/pci/devices/$vf" ]
	echo 0 >$parameters/enable_sriov
done
check "upstream and kvfio give the same answers" diff /tmp/token.vfio-pci /tmp/token.kvfio-pci
driver_give kvfio-pci $E0
as_user kvfio-token /dev/kvfio "$(group_of $E0)" $E0 >/tmp/token.out 2>&1 </dev/null || true
check "other devices have no token" grep -q "pf_sets_token = 0" /tmp/token.out
unsafe_interrupts 0
kvfio_unload
