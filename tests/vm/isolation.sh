# SPDX-License-Identifier: BSD-2-Clause
# A descriptor points to memory that was never mapped for the device. The IOMMU reports it, the memory is neither read nor
# written, and the port loses no later packet.
# machine: pair
# seconds: 90
# dmesg: DMAR: .*

ns_up 1500
ip -n left neigh replace 10.0.0.2 lladdr 52:54:00:00:00:11 dev wire
dump_start left -U -w /tmp/isolation.pcap
before=$(wire_count left rx_packets)
vmtest-isolation "$A" >/tmp/isolation.out 2>&1 &
program=$!
wait_for 30 "the program is ready for packets" grep -q ready /tmp/isolation.out
# These fall into the spoilt descriptors.
left ping -c 4 -i 0.1 -W 1 10.0.0.2 >/dev/null || true
wait_for 10 "the device has settled" grep -q settled /tmp/isolation.out
left ping -c 30 -i 0.1 -W 1 10.0.0.2 >/dev/null || true # nobody answers, the program counts
program_ends $program 30 0
cat /tmp/isolation.out
is "good packets that arrived" $(($(wire_count left rx_packets) - before)) -ge 40
kill $DUMP
is "bytes recorded on the wire" "$(wc -c </tmp/isolation.pcap)" -gt 4000
page=$(sed -n 's/.*physical address 0x\([0-9a-f]*\).*/\1/p' /tmp/isolation.out)
echo "what the kernel saw:"
dmesg | grep DMAR | head -n 6
check "the forbidden read was reported" sh -c "dmesg | grep 'DMA Read' | grep -q 'fault addr 0x$page'"
check "the forbidden write was reported" sh -c "dmesg | grep 'DMA Write' | grep -q 'fault addr 0x$page'"
check "nothing of the page was seen on the wire" sh -c '! grep -q "belongs to nobody" /tmp/isolation.pcap'
