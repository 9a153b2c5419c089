# SPDX-License-Identifier: BSD-2-Clause
# RLIMIT_MEMLOCK too small for what devices may reach.
# machine: pair
# seconds: 60

ulimit -l 64
expect_exit 11 'ulimit -l|memlock|MEMLOCK' vireo-fwd --duration 1s "$A" "$B"
ulimit -l unlimited
ns_up 1500
fwd_start
check "a large enough limit" left ping -c 3 -W 20 10.0.0.2
fwd_stop
