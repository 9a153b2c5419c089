// SPDX-License-Identifier: BSD-2-Clause
/* Prints "vendor:device driver" for every card that the library drives, for test_driver_ids.sh. */
#include <stdio.h>

#include "drivers.h"

int main(void)
{
	for (unsigned i = 0; vireo_drivers[i]; i++) {
		const struct vireo_pci_id *id = vireo_drivers[i]->pci_ids;

		for (; id && id->vendor; id++)
			printf("%04x:%04x %s\n", id->vendor, id->device, vireo_drivers[i]->name);
	}
	return 0;
}
