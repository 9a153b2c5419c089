# SPDX-License-Identifier: BSD-2-Clause
# Debian's dpdk-testpmd, unmodified, finds the cards, brings their links up and forwards: with its vector functions, with
# those for everything, and on cards all of whose registers trap. Its counters, those of the wires and a sum over all bytes agree.
# seconds: 240
. "$TOP/tests/sim/lib-testpmd.sh"

# run PATH FRAMES WIRE-OPTIONS TESTPMD-OPTION...
run()
{
	local path=$1 frames=$2 card=$3
	shift 3
	pmd_start "gen,dst=$ALL,count=$frames,size=64-1500,sum$card" "pcap,out=out.pcap$card" -- "$@"
	grep -q "$path" pmd.out || fail "testpmd does not say \"$path\""
	wait_for 20 pmd_link 0
	wait_for 20 pmd_link 1
	pmd_forward io
	wait_for 60 pmd_has_sent "$frames"
	pmd stop
	pmd_read
	pmd_quit
	pmd_agrees "$frames"
	is "frames in the file" "$(tcpdump -r out.pcap 2>/dev/null | wc -l)" "$frames"
	is "of all sizes" "$(awk '/^rx_size_/ { n += $2 } END { print n }' stats.0)" "$frames"

}

run "Vector rx enabled" 20000 ""
run "Using simple tx" 20000 "" --burst=8 --txd=1024 --rxd=64
run "Using full-featured tx code path" 20000 "" --enable-rx-cksum --enable-scatter --max-pkt-len=3000 --tx-offloads=0x8000
run "Vector rx enabled" 1000 ",mode=trap,delay_us=100"
