# SPDX-License-Identifier: BSD-2-Clause
# Files and what goes wrong on the way, seen from a program: frames from a file arrive in a file that tcpdump reads, damaged
# ones are dropped by the card and counted, and a link that flaps is told.
# seconds: 120

# A file of 300 frames, made by a generator and a file at the two ends of vireo-fwd.
as_user "$VIREO_FWD" --duration 2s sim:gen,count=300,size=64-1500 sim:pcap,out=made.pcap >fwd.out
is "frames that tcpdump reads" "$(tcpdump -nr made.pcap 2>tcpdump.err | wc -l)" 300
is "with wrong checksums" "$(tcpdump -vnr made.pcap 2>tcpdump.err | grep -cE 'bad (udp )?cksum' || true)" 0
as_user "$VIREO_FWD" --duration 2s sim:pcap,in=made.pcap,fast sim:pcap,out=again.pcap >fwd.out
tcpdump -xxnr made.pcap 2>tcpdump.err | sed 's/^[0-9:.]* //' >made.txt
tcpdump -xxnr again.pcap 2>tcpdump.err | sed 's/^[0-9:.]* //' >again.txt
cmp made.txt again.txt || fail "the frames changed on the way"

# The card drops frames whose check sequence does not fit; nobody else loses any.
sim_start a.sock=gen,count=20000,corrupt=5%,side=in,seed=3 b.sock=sink
as_user "$VIREO_FWD" --json=fwd.json --duration 3s vfio-user:a.sock vfio-user:b.sock >fwd.out
sim_stop >/dev/null
corrupted=$(sim_counter port0 wire_in_corrupted)
at_least "damaged" "$corrupted" 500
is "arrived whole, or damaged" "$(($(sim_counter port1 tx_packets) + corrupted))" 20000
is "dropped as errors" "$(json fwd.json '.ports[0].drops.rx_error')" "$corrupted"

# The link goes down and comes back as the wire says.
as_user "$VIREO_FWD" --json=fwd.json --duration 4s sim:gen,rate=1k,flap=800ms,down=600ms sim:sink >fwd.out
at_least "link changes" "$(json fwd.json '.ports[0].link_changes')" 3

# A fault of the card at its time.
sim_start --fault 1s:port0:all-ones a.sock=gen,rate=1k b.sock=sink
rc=0
as_user "$VIREO_FWD" --duration 20s vfio-user:a.sock vfio-user:b.sock >fwd.out 2>fwd.err || rc=$?
is "exit code when the card was pulled out" "$rc" 12
sim_stop >/dev/null
