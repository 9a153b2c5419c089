# SPDX-License-Identifier: BSD-2-Clause
# vireo-fwd between a card behind the IOMMU and a simulated one in a thread of its own: what a generator sends there arrives at the
# kernel's stack through the card, and what the stack sends is counted by the simulated wire.
# machine: pair
# seconds: 90

end_up left 52:54:00:00:00:10 10.0.0.1 1500
before=$(wire_count left rx_packets)
rm -f /home/user/fwd.json
$AS_USER vireo-fwd --json /home/user/fwd.json "$A" sim:gen,count=2000,rate=1k,dst=52:54:00:00:00:10 >/tmp/fwd.out 2>&1 </dev/null &
FWD=$!
wait_for 20 "vireo-fwd is up: $(cat /tmp/fwd.out)" master_on "$A"
arrived()
{
	[ $(($(wire_count left rx_packets) - before)) -ge 1000 ]
}
wait_for 40 "1000 frames from the simulated wire" arrived
left ping -c 3 -W 1 10.0.0.9 >/dev/null || true # nobody is there: what leaves are broadcasts that ask for him
sleep 3
fwd_stop
is "from the simulated card" "$(fwd_json '.ports[1].rx_packets')" -ge 1000
is "all of them left through the card" "$(fwd_json '.ports[0].tx_packets - .ports[1].rx_packets')" -eq 0
is "from the stack" "$(fwd_json '.ports[0].rx_packets')" -ge 1
is "all of them left through the simulated card" "$(fwd_json '.ports[1].tx_packets - .ports[0].rx_packets')" -eq 0
is "frames in the stack" $(($(wire_count left rx_packets) - before)) -ge "$(fwd_json '.ports[0].tx_packets')"
