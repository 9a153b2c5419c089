// SPDX-License-Identifier: BSD-2-Clause
/* vireo-sim: from the command line to the summary. */
#include <string.h>

#include "run.h"
#include "sim.h"

int main(int argc, char **argv)
{
	static struct sim sim;
	double seconds = 0;
	int err, report_err;

	app_init("vireo-sim");
	if (argc > 1 && strcmp(argv[1], "run") == 0)
		return run_main(argc - 1, argv + 1);
	err = sim_options_parse(argc, argv, &sim.options);
	if (err || sim.options.done)
		return app_finish(err);
	app_catch_signals();
	screen_open(&sim.screen, sim.options.quiet, sim.options.report.to_stdout);

	err = serve_start(&sim);
	if (!err)
		err = serve_run(&sim);
	app_failed(err);
	serve_stop(&sim);
	seconds = (double)(sim.end_ns - sim.start_ns) / 1e9;
	if (!err)
		view_summary(&sim, seconds);
	report_err = report_close(&sim.options.report, view_report(&sim, seconds), err);
	return app_finish(err ? err : report_err);
}
