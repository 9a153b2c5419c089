# SPDX-License-Identifier: BSD-2-Clause
# What vireo-pktgen says it sent is what a recorder outside of the machine saw: as many frames, in order, valid.
# machine: pair
# seconds: 120

ns_up 1500
# generate OPTION...: send; leaves the number of packets in $sent.
generate()
{
	as_user vireo-pktgen --json /home/user/pktgen.json --src-mac 52:54:00:00:00:20 --dst-mac 52:54:00:00:00:10 "$@" "$A" \
		>/tmp/pktgen.out 2>&1 || { cat /tmp/pktgen.out; fail "vireo-pktgen ended with an error"; }
	sent=$(jq -r '.ports[0].tx_packets' /home/user/pktgen.json)
}

for sizes in 64 64,512,1518 imix; do
	host capture_start w0
	generate --size $sizes --count 20000
	is "sizes $sizes: packets that were to be sent" "$sent" -eq 20000
	sleep 0.5
	host capture_stop w0
	host wire_check "$sent"
done
host capture_start w0
generate --size 128 --rate 5000pps --duration 2s --src-port 1000-1099
is "packets in 2 seconds at 5000/s" "$sent" -ge 9000
is "packets in 2 seconds at 5000/s" "$sent" -le 10100
sleep 0.5
host capture_stop w0
host wire_check "$sent"
