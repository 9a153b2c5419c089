# SPDX-License-Identifier: BSD-2-Clause
# The host's part of wire.sh: tcpdump reads what QEMU recorded.

# wire_check N: N frames of pktgen's, in order, with valid IPv4 and UDP checksums.
host_wire_check()
{
	local text=$BUILD/vm/wire.txt frames good
	tcpdump -Z "$(id -un)" -nn -vv -r "$VM_DIR/w0.pcap" 'ether src 52:54:00:00:00:20 and udp' 2>/dev/null >"$text"
	frames=$(grep -c '^[0-9:.]* IP ' "$text")
	good=$(grep -c 'udp sum ok' "$text")
	! grep -m 3 'bad .*cksum' "$text" || return 1
	[ "$frames" = "$1" ] || { echo "the recorder saw $frames frames, vireo-pktgen says $1"; return 1; }
	[ "$good" = "$1" ] || { echo "$good of $1 frames have a valid UDP checksum"; return 1; }
	# vireo-pktgen counts in the IPv4 identification.
	sed -n 's/.*, id \([0-9]*\),.*/\1/p' "$text" |
		awk 'NR > 1 && $1 != (last + 1) % 65536 { print "frame " NR " has id " $1 " after " last; bad = 1; exit } { last = $1 }
			END { exit bad }' || return 1
	echo "$frames frames on the wire, in order, every checksum valid"
}
