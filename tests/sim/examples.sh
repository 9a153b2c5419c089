# SPDX-License-Identifier: BSD-2-Clause
# The five programs of examples/ on simulated cards, as an ordinary user: a switch that learns, an echo server whose card does the
# checksums, a recorder, a forwarder of jumbo frames, and a replicator.
# seconds: 240

for program in switch echo record jumbo replicate; do
	cc -std=gnu11 -O2 -D_GNU_SOURCE -I "$TOP/include" -I "$BUILD_PLAIN/include" -o "example-$program" "$TOP/examples/$program.c" \
		-L "$BUILD_PLAIN/lib/link" -Wl,-rpath,"$BUILD_PLAIN/lib/link" -lvireo -lpcap -pthread
done

# example NAME ARGUMENT...: in the background; ends with example_stop.
example()
{
	local name=$1
	shift
	start "$name" "./example-$name" "$@"
	EXAMPLE=$STARTED
}

example_stop()
{
	kill -0 "$EXAMPLE" 2>/dev/null || { cat ./*.err; fail "the example ended"; }
	stop "$EXAMPLE" || fail "the example ended with exit code $?"
	sim_stop
}

# captured FILE N: so many frames are in it.
captured()
{
	[ "$(tcpdump -r "$1" 2>/dev/null | wc -l)" -ge "$2" ]
}

# Frames of all sizes, several buffers each: all arrive, and every byte of them.
sim_start a.sock=gen,count=3000,size=64-9018,sum,dst=ff:ff:ff:ff:ff:ff b.sock=pcap,out=jumbo.pcap
example jumbo vfio-user:a.sock vfio-user:b.sock
wait_for 30 captured jumbo.pcap 3000
example_stop
is "jumbo: left" "$(sim_counter port1 tx_packets)" 3000
is "jumbo: bytes" "$(sim_counter port1 tx_bytes)" "$(sim_counter port0 rx_bytes)"

# One to eight, each with an address of its own; as few as the ring has room for, since what finds none is dropped.
sim_start a.sock=gen,count=25,dst=01:00:5e:00:00:01 b.sock=pcap,out=replicas.pcap
example replicate vfio-user:a.sock vfio-user:b.sock
wait_for 30 captured replicas.pcap 200
example_stop
is "replicate: left" "$(sim_counter port1 tx_packets)" 200
is "replicate: to the third" "$(tcpdump -r replicas.pcap ether dst 02:00:00:00:00:03 2>/dev/null | wc -l)" 25

# What is recorded is what came. The file is written in blocks, the last one when the program ends.
sim_start a.sock=gen,count=400,size=64-1500
example record vfio-user:a.sock record.pcap
wait_for 30 captured record.pcap 300
sleep 0.5
example_stop
is "record: in the file" "$(tcpdump -r record.pcap 2>/dev/null | wc -l)" "$(sim_counter port0 rx_frames)"

# ping_file FILE DESTINATION N: datagrams of "ping" to port 7, without a UDP checksum, from 02:00:00:00:00:02.
ping_file()
{
	local i
	printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0\1\0\0\0' >"$1"
	for ((i = 0; i < $3; i++)); do
		printf '\0\0\0\0\0\0\0\0\x3c\0\0\0\x3c\0\0\0'
		printf "$2"'\2\0\0\0\0\2\x08\0'
		printf '\x45\0\0\x20\0\1\0\0\x40\x11\xee\xa4\xc6\x12\0\1\xc6\x13\0\1'
		printf '\4\0\0\7\0\x0c\0\0ping'
		printf '\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
	done >>"$1"
}

# They come back with a checksum.
ping_file ping.pcap '\xff\xff\xff\xff\xff\xff' 100
sim_start a.sock=pcap,in=ping.pcap,fast,out=pong.pcap
example echo vfio-user:a.sock 198.19.0.1
wait_for 30 captured pong.pcap 100
example_stop
tcpdump -n -vv -r pong.pcap 2>/dev/null | tail -n 2
is "echo: answers" "$(tcpdump -n -vv -r pong.pcap 2>/dev/null |
	grep -c '198.19.0.1.7 > 198.18.0.1.1024: \[udp sum ok\] UDP, length 4')" 100

# A frame to nobody known leaves through all other ports. Behind the second one is an echo, and as soon as that has answered,
# frames go there alone.
ping_file unknown.pcap '\2\0\0\0\0\x63' 1
sim_start a.sock=pcap,in=unknown.pcap,loop,rate=200,out=back.pcap b.sock=echo c.sock=sink d.sock=sink
example switch vfio-user:a.sock vfio-user:b.sock vfio-user:c.sock vfio-user:d.sock
wait_for 60 captured back.pcap 300
example_stop
came=$(sim_counter port0 rx_frames)
flooded=$(sim_counter port2 tx_packets)
at_least "switch: left to the echo" "$(sim_counter port1 tx_packets)" 300
at_least "switch: to all, at first" "$flooded" 1
at_least "switch: but not for long" "$came" $((2 * flooded))
at_least "switch: the same behind both" 2 $((flooded - $(sim_counter port3 tx_packets)))
