// SPDX-License-Identifier: BSD-2-Clause
#include "turns.h"

#include <stdio.h>
#include <stdlib.h>

void turns_give_way(void)
{
	int c;

	putchar('\n');
	fflush(stdout);
	do
		c = getchar();
	while (c != '\n' && c != EOF);
	if (c == EOF)
		exit(1);
}
