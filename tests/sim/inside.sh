# SPDX-License-Identifier: BSD-2-Clause
# Ports whose cards are threads of the same program, in both modes.
# seconds: 60

for mode in shared trap; do
	as_user "$VIREO_FWD" --json=fwd.json --duration 4s "sim:gen,count=10000,mode=$mode" "sim:sink,mode=$mode" >fwd.out
	is "$mode: received" "$(json fwd.json '.ports[0].rx_packets')" 10000
	is "$mode: sent" "$(json fwd.json '.ports[1].tx_packets')" "$(json fwd.json '.ports[0].rx_packets')"
done

# A port that sends sees its own packets come back, and knows them. What a loaded machine is too slow to take in, it counts.
as_user "$VIREO_PKTGEN" --json=gen.json --count 10000 --rate 10k --verify --allow-loss 100% sim:echo,asis >gen.out
is "came back or counted" "$(json gen.json '.ports[0] | .rx_packets + ([.drops[]] | add)')" 10000
at_least "came back" "$(json gen.json '.ports[0].rx_packets')" 1

# The same words twice are two cards: here the two ends of one cable. What is sent before both see light is lost.
as_user "$VIREO_PKTGEN" --json=gen.json --count 5000 --rate 5k --verify --allow-loss 100% sim:cable:x sim:cable:x >gen.out
at_least "first to second" "$(json gen.json '.ports[1] | .rx_packets + ([.drops[]] | add)')" 4000
at_least "second to first" "$(json gen.json '.ports[0] | .rx_packets + ([.drops[]] | add)')" 4000
expect_exit 2 "cannot be both ports" "$VIREO_FWD" vfio-user:x.sock vfio-user:x.sock

expect_exit 2 "no kind of wire" "$VIREO_FWD" sim:nonsense sim:sink
expect_exit 2 "has no option \"sice\"" "$VIREO_FWD" sim:gen,sice=64 sim:sink
expect_exit 2 "no fault of this name" "$VIREO_FWD" sim:gen,fault=nonsense sim:sink
