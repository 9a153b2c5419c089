# SPDX-License-Identifier: BSD-2-Clause
# The device is taken away under load by unbinding its driver: vireo-fwd hands it back and says so.
# machine: pair
# seconds: 90

ns_up 1500
fwd_start
load_start
wait_for 5 "packets arrive" arriving right
# This blocks until the last descriptor of the device is closed.
echo "$A" >"/sys/bus/pci/drivers/$VFIO_DRIVER/unbind" &
unbind=$!
program_ends "$FWD" 20 12
cat /tmp/fwd.out
check "it says which device" grep -q "^vireo-fwd: .*$A" /tmp/fwd.out
wait_for 10 "unbinding ends" not_running $unbind
check "the device has no driver" [ -z "$(driver_of "$A")" ]
vfio_bind "$A"
fwd_start
wait_for 5 "packets arrive again" arriving right
load_stop
fwd_stop
