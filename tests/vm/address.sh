# SPDX-License-Identifier: BSD-2-Clause
# Ports that do not exist, are nonsense, belong to the kernel, or are named twice.
# machine: pair
# seconds: 60

kernel_nic=0000:00:02.0
expect_exit 3 0000:99:00.0 vireo-fwd --duration 1s 0000:99:00.0 "$B"
expect_exit 2 hello vireo-fwd --duration 1s hello "$B"
expect_exit 2 colour vireo-fwd --duration 1s "$A,colour=blue" "$B"
expect_exit 2 . vireo-fwd --duration 1s "$A"
expect_exit 4 "$kernel_nic.*(vireo-bind|vfio)" vireo-fwd --duration 1s "$kernel_nic" "$B"
expect_exit 3 0000:99:00.0 vireo-pktgen --duration 1s 0000:99:00.0
code=0
as_user vireo-fwd --duration 1s "$A" "$A" >/tmp/twice.out 2>&1 || code=$?
cat /tmp/twice.out
check "one port twice is refused" [ $code = 2 -o $code = 6 ]
ns_up 1500
fwd_start
check "the right ones" left ping -c 3 -W 20 10.0.0.2
fwd_stop
