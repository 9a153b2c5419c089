# SPDX-License-Identifier: BSD-2-Clause
# What Debian's dpdk-testpmd leaves to the card: spreading flows over queues, VLAN tags, checksums both ways, jumbo frames,
# segmentation. Its counters and what is on the wire agree; the segments are checked by a program of their own.
# seconds: 300
. "$TOP/tests/sim/lib-testpmd.sh"

N=20000

# forward N: until the last of so many has left; then the counters.
forward()
{
	wait_for 60 pmd_has_sent "$1"
	pmd stop
	pmd_read
}

# begin COMMAND...: what has to be said before the ports are started (--disable-device-start).
begin()
{
	local command
	for command in "$@"; do
		pmd "$command"
	done
	pmd "port start all"
}

# RSS: each of four queues gets some of 256 flows, and together all.
pmd_start "gen,dst=$ALL,count=$N,flows=256" sink -- --rxq=4 --txq=4 --rss-udp --disable-device-start
begin
pmd "set stat_qmap rx 0 1 1"
pmd "set stat_qmap rx 0 2 2"
pmd "set stat_qmap rx 0 3 3"
pmd_forward io
forward $N
pmd_quit
pmd_agrees $N
sum=0
for queue in 0 1 2 3; do
	packets=$(pmd_stat 0 rx_q${queue}_packets)
	at_least "queue $queue" "$packets" $((N / 16))
	sum=$((sum + packets))
done
is "on all queues" $sum $N

# VLAN: the tag of what comes is taken away, what goes gets another.
pmd_start "gen,dst=$ALL,count=$N,vlan=5" pcap,out=vlan.pcap -- --tx-offloads=0x1 --disable-device-start
begin "vlan set strip on 0" "tx_vlan set 1 77"
pmd_forward mac
forward $N
pmd_quit
is "left" "$(sim_counter 0000:06:00.0 tx_packets)" $N
is "with the new tag" "$(tcpdump -r vlan.pcap vlan 77 and ip 2>/dev/null | wc -l)" $N
is "with the old one" "$(tcpdump -r vlan.pcap 'vlan 5 or (vlan 77 and vlan 5)' 2>/dev/null | wc -l)" 0

# Checksums: the wrong ones that come are told from the right ones, and all that goes has right ones.
pmd_start "gen,dst=$ALL,count=$N,bad_ip=2%,bad_l4=3%,seed=9" pcap,out=csum.pcap -- --enable-rx-cksum --tx-offloads=0x6 --disable-device-start
begin "csum set ip hw 1" "csum set udp hw 1"
pmd_forward csum
wait_for 60 pmd_has_sent $N
pmd stop
bad_ip=$(sed -n '/for port 0/,/----$/s/.*Bad-ipcsum: \([0-9]*\).*/\1/p' pmd.said | head -n 1)
bad_l4=$(sed -n '/for port 0/,/----$/s/.*Bad-l4csum: \([0-9]*\).*/\1/p' pmd.said | head -n 1)
pmd_read
pmd_quit
pmd_agrees $N
is "wrong checksums of the IP header" "$bad_ip" "$(sim_counter 0000:05:00.0 wire_in_bad_ip)"
# DPDK does not believe an 82599 that finds a UDP checksum wrong (an erratum about those that are 0), so it says nothing of them.
is "wrong UDP checksums that it tells of" "$bad_l4" 0
at_least "wrong headers that came" "$(sim_counter 0000:05:00.0 wire_in_bad_ip)" 100
at_least "wrong datagrams that came" "$(sim_counter 0000:05:00.0 wire_in_bad_l4)" 100
is "wrong ones that left" "$(tcpdump -vv -n -r csum.pcap 2>/dev/null | grep -ciE 'bad (udp )?cksum' || true)" 0

# Jumbo frames, received into several buffers and sent out of them.
pmd_start "gen,dst=$ALL,count=5000,size=64-9018,sum" sink -- --max-pkt-len=9018 --enable-scatter --tx-offloads=0x8000
pmd_forward io
forward 5000
pmd_quit
pmd_agrees 5000
is "sum over all bytes" "$(sim_counter 0000:06:00.0 wire_out_sum)" "$(sim_counter 0000:05:00.0 wire_in_sum)"

# Segmentation: big TCP packets come, and leave cut.
cc -std=gnu11 -O1 -o segments "$TOP/tests/sim/programs/segments.c"
./segments write big.pcap 500 8000
pmd_start pcap,in=big.pcap,fast pcap,out=cut.pcap -- --max-pkt-len=9018 --enable-scatter --tx-offloads=0x802a \
	--disable-device-start
begin "csum set ip hw 1" "csum set tcp hw 1" "tso set 800 1"
pmd_forward csum
forward 5000
pmd_quit
is "came" "$(pmd_stat 0 rx_good_packets) $(sim_counter 0000:05:00.0 rx_packets)" "500 500"
is "left" "$(pmd_stat 1 tx_good_packets) $(sim_counter 0000:06:00.0 tx_packets)" "5000 5000"
./segments check cut.pcap 500 8000 800
