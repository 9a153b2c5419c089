# SPDX-License-Identifier: BSD-2-Clause
# A device has one user at a time. The second is told so, and the first does not notice.
# machine: pair
# seconds: 60

ns_up 1500
fwd_start
expect_exit 6 "$A" vireo-fwd --duration 1s "$A" "$B"
expect_exit 6 "$B" vireo-fwd --duration 1s "$B" "$A"
check "the first still forwards" left ping -c 3 -W 20 10.0.0.2
fwd_stop
fwd_start
check "and so does the next" left ping -c 3 -W 20 10.0.0.2
fwd_stop
