# SPDX-License-Identifier: BSD-2-Clause
# vireo-fwd, unmodified, between two devices of kvfio, and then between one of kvfio and one of upstream.
# machine: pair
# seconds: 180

. /tests/guest/kvfio.sh
kvfio_load
ns_up 1500
for driver in kvfio-pci vfio-pci; do
	driver_give kvfio-pci "$A"
	driver_give $driver "$B"
	fwd_start
	check "ping passes (kvfio-pci and $driver)" left ping -c 3 -W 20 10.0.0.2
	tcp_both_ways 4
	kill -KILL $FWD
	program_ends $FWD 10 137
	fwd_start
	check "ping passes after a crash" left ping -c 3 -W 20 10.0.0.2
	fwd_stop
done
device_release "$B"
kvfio_unload
