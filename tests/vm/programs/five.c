// SPDX-License-Identifier: BSD-2-Clause
/* Five packets sent and nothing after: five buffers come back. PORT */
#include "program.h"

int main(int argc, char **argv)
{
	struct vireo_pool_config cfg = { .name = "five", .n_bufs = 512, .no_cache = 1 };
	struct vireo_pkt pkts[5];
	struct vireo_pool *pool;
	struct vireo_port *port;
	struct vireo_txq *txq;

	if (argc != 2)
		return 2;
	expect_ok(vireo_pool_create(&cfg, &pool), "pool");
	port = port_up(argv[1], NULL);
	txq = vireo_port_txq(port, 0);
	for (unsigned round = 0; round < 3; round++) {
		expect(vireo_pool_alloc(pool, pkts, 5) == 5, "round %u: five buffers taken", round);
		for (unsigned i = 0; i < 5; i++)
			lab_frame(&pkts[i], 60, i);
		expect(vireo_tx_burst(txq, pkts, 5) == 5, "all of them sent");
		expect(pool_whole(pool, &txq, 1), "five buffers came back, with nothing sent after");
	}
	expect_ok(vireo_port_stop(port), "stop");
	vireo_port_close(port);
	expect_ok(vireo_pool_destroy(pool), "destroy the pool");
	return 0;
}
