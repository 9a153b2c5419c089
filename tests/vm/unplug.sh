# SPDX-License-Identifier: BSD-2-Clause
# The device is pulled out of the machine under load: vireo-fwd says so and ends. When it is back, the next one works.
# machine: pair
# seconds: 120

ns_up 1500
fwd_start
load_start
wait_for 5 "packets arrive" arriving right
host hmp device_del v0
program_ends "$FWD" 30 12
cat /tmp/fwd.out
check "it says which device" grep -q "^vireo-fwd: .*$A" /tmp/fwd.out
gone()
{
	[ ! -e "/sys/bus/pci/devices/$A" ]
}
wait_for 20 "the device is gone" gone
expect_exit 3 "$A" vireo-fwd --duration 1s "$A" "$B"
plug_in
vfio_bind "$A"
fwd_start
wait_for 5 "packets arrive again" arriving right
load_stop
fwd_stop
