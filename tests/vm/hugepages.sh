# SPDX-License-Identifier: BSD-2-Clause
# No hugepages and too few of them are two things, each with its own sentence and what to do.
# machine: pair
# seconds: 60

hugepages 0
expect_exit 9 'vireo-bind hugepages|nr_hugepages' vireo-fwd --duration 1s "$A" "$B"
hugepages 1
expect_exit 10 'vireo-bind hugepages|nr_hugepages' vireo-fwd --duration 1s "$A" "$B"
is "hugepages taken by those that failed" "$(sed -n 's/^HugePages_Free: *//p' /proc/meminfo)" -eq 1
ns_up 1500
hugepages 0
fwd_start --page-size 4K
check "pages of 4 KiB do without" left ping -c 3 -W 20 10.0.0.2
fwd_stop
hugepages 96
fwd_start
check "enough of them" left ping -c 3 -W 20 10.0.0.2
fwd_stop
