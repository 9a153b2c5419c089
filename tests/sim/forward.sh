# SPDX-License-Identifier: BSD-2-Clause
# vireo-fwd between a generator and a sink on two cards, as an ordinary user: every packet arrives, every byte of it. The
# generator waits for the card, so that this holds on the slowest of machines.
# seconds: 60

sim_start a.sock=gen,count=50000,size=64-1500,sum b.sock=sink
start fwd "$VIREO_FWD" --json=fwd.json --duration 6s vfio-user:a.sock vfio-user:b.sock
wait "$STARTED" || fail "vireo-fwd ended with exit code $?: $(cat fwd.err)"
sim_stop

is "generated" "$(sim_counter port0 rx_packets)" 50000
is "arrived at the sink" "$(sim_counter port1 tx_packets)" 50000
is "sum over all bytes" "$(sim_counter port1 wire_out_sum)" "$(sim_counter port0 wire_in_sum)"
is "received by vireo-fwd" "$(json fwd.json '.ports[0].rx_packets')" 50000
is "sent by vireo-fwd" "$(json fwd.json '.ports[1].tx_packets')" 50000
is "refused accesses" "$(sim_counter port0 dma_refused) $(sim_counter port1 dma_refused)" "0 0"
[ ! -e a.sock ] && [ ! -e b.sock ] || fail "vireo-sim left its sockets behind"
