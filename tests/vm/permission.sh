# SPDX-License-Identifier: BSD-2-Clause
# No permission on the group, and none on the container.
# machine: pair
# seconds: 60

group=$VFIO_DIR/$(group_of "$A")
chown root:root "$group"
expect_exit 5 "$group" vireo-fwd --duration 1s "$A" "$B"
chown 1000:1000 "$group"
chmod 600 $VFIO_CONTAINER
expect_exit 5 "$VFIO_CONTAINER" vireo-fwd --duration 1s "$A" "$B"
chmod 666 $VFIO_CONTAINER
ns_up 1500
fwd_start
check "with permission" left ping -c 3 -W 20 10.0.0.2
fwd_stop
