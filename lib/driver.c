// SPDX-License-Identifier: BSD-2-Clause
/* Which driver drives what. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "drivers.h"
#include "port.h"

#define MAX_REGISTERED 32
#define CLASS_NETWORK  0x02

static const struct vireo_driver *registered[MAX_REGISTERED];
static unsigned n_registered;

static bool is_complete(const struct vireo_driver *d)
{
	return d->name && d->name[0] && d->pci_ids && d->probe && d->remove && d->rxq_create && d->rxq_destroy &&
	       d->txq_create && d->txq_destroy && d->start && d->stop && d->txq_reclaim;
}

static bool name_is_taken(const char *name)
{
	for (unsigned i = 0; i < n_registered; i++) {
		if (!strcmp(registered[i]->name, name))
			return true;
	}
	for (unsigned i = 0; vireo_drivers[i]; i++) {
		if (!strcmp(vireo_drivers[i]->name, name))
			return true;
	}
	return false;
}

int vireo_driver_register(const struct vireo_driver *driver)
{
	if (!driver || !is_complete(driver))
		return vireo_error(
			-EINVAL, "the driver lacks a name, a list of ids or one of the ops that all drivers must have");
	if (name_is_taken(driver->name))
		return vireo_error(-EEXIST, "there is a driver named \"%s\" already", driver->name);
	if (n_registered == MAX_REGISTERED)
		return vireo_error(-ENOMEM, "%d drivers are registered, there is no room for more", MAX_REGISTERED);
	registered[n_registered++] = driver;
	return 0;
}

static bool drives(const struct vireo_driver *driver, uint16_t vendor, uint16_t device)
{
	for (const struct vireo_pci_id *id = driver->pci_ids; id->vendor || id->device; id++) {
		if ((id->vendor == VIREO_PCI_ANY || id->vendor == vendor) &&
		    (id->device == VIREO_PCI_ANY || id->device == device))
			return true;
	}
	return false;
}

static size_t list_ids(const struct vireo_driver *driver, char *text, size_t size)
{
	int n = snprintf(text, size, "%s", driver->name);

	for (const struct vireo_pci_id *id = driver->pci_ids; (id->vendor || id->device) && n > 0 && (size_t)n < size;
	     id++)
		n += snprintf(text + n, size - (size_t)n, " %04x:%04x", id->vendor, id->device);
	return n > 0 && (size_t)n < size ? (size_t)n : size - 1;
}

/* "virtio 1af4:1000 1af4:1041, ixgbe ..." */
static void list_drivers(char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = n_registered; i-- > 0 && n + 3 < size;) {
		n += list_ids(registered[i], text + n, size - n - 2);
		n += (size_t)snprintf(text + n, size - n, ", ");
	}
	for (unsigned i = 0; vireo_drivers[i] && n + 3 < size; i++) {
		n += list_ids(vireo_drivers[i], text + n, size - n - 2);
		n += (size_t)snprintf(text + n, size - n, ", ");
	}
	if (n >= 2)
		text[n - 2] = '\0';
}

const struct vireo_driver *driver_find(const char *name, uint16_t vendor, uint16_t device, uint32_t class_code)
{
	char list[512];

	for (unsigned i = n_registered; i-- > 0;) {
		if (drives(registered[i], vendor, device))
			return registered[i];
	}
	for (unsigned i = 0; vireo_drivers[i]; i++) {
		if (drives(vireo_drivers[i], vendor, device))
			return vireo_drivers[i];
	}
	if (class_code >> 16 != CLASS_NETWORK) {
		vireo_error(-EOPNOTSUPP,
			    "%s is not a network card (%04x:%04x, class 0x%06x); `vireo-bind status` lists the network "
			    "cards",
			    name, vendor, device, class_code);
		return NULL;
	}
	list_drivers(list, sizeof(list));
	vireo_error(-EOPNOTSUPP, "there is no driver for the network card %s (%04x:%04x); these are driven: %s", name,
		    vendor, device, list);
	return NULL;
}
