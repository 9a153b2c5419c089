// SPDX-License-Identifier: BSD-2-Clause
/* How fast the core runs beside its time stamp counter, just now: a line of what scripts/bench says of the conditions. */
#include <stdio.h>

#include "measure.h"

int main(void)
{
	printf("%.3f\n", measure_clock_ratio());
	return 0;
}
