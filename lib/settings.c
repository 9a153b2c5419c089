// SPDX-License-Identifier: BSD-2-Clause
/* Settings that survive stop and start: stored first, handed to a started driver, taken back if it refuses. */
#include <errno.h>
#include <string.h>

#include "port.h"

int port_lacks(const struct vireo_port *port, const char *what)
{
	return vireo_error(-EOPNOTSUPP, "%s (%s) cannot %s", port_name(port), port->driver->name, what);
}

int port_apply(struct vireo_port *port, port_settings_op op, const struct vireo_port_settings *old)
{
	int err;

	if (!port->started)
		return 0;
	err = port_failure(port) == -ENODEV ? vireo_error(-ENODEV, "%s is gone", port_name(port)) : op(port);
	if (err)
		port->settings = *old;
	return err;
}

static int set_rx_mode(struct vireo_port *port, bool *field, bool on)
{
	struct vireo_port_settings old;
	int err;

	if (!port->driver->set_rx_mode)
		return port_lacks(port, "change what it receives");
	pthread_mutex_lock(&port->lock);
	old = port->settings;
	*field = on;
	err = port_apply(port, port->driver->set_rx_mode, &old);
	pthread_mutex_unlock(&port->lock);
	return err;
}

int vireo_port_set_promiscuous(struct vireo_port *port, bool on)
{
	return set_rx_mode(port, &port->settings.promiscuous, on);
}

int vireo_port_set_all_multicast(struct vireo_port *port, bool on)
{
	return set_rx_mode(port, &port->settings.all_multicast, on);
}

static bool is_zero(const uint8_t mac[VIREO_MAC_LEN])
{
	static const uint8_t zero[VIREO_MAC_LEN];

	return !memcmp(mac, zero, VIREO_MAC_LEN);
}

int vireo_port_set_mac(struct vireo_port *port, const uint8_t mac[VIREO_MAC_LEN])
{
	struct vireo_port_settings old;
	int err;

	if (mac[0] & 1 || is_zero(mac))
		return vireo_error(-EINVAL, "a card's own address is neither a group address nor zero");
	if (!port->driver->set_mac)
		return port_lacks(port, "change its address");
	pthread_mutex_lock(&port->lock);
	old = port->settings;
	memcpy(port->settings.mac, mac, VIREO_MAC_LEN);
	port->settings.mac_changed = true;
	err = port_apply(port, port->driver->set_mac, &old);
	pthread_mutex_unlock(&port->lock);
	return err;
}

static int find_mac(const struct vireo_port_settings *s, const uint8_t mac[VIREO_MAC_LEN])
{
	for (unsigned i = 0; i < s->n_filter_macs; i++) {
		if (!memcmp(s->filter_macs[i], mac, VIREO_MAC_LEN))
			return (int)i;
	}
	return -1;
}

static int add_mac_locked(struct vireo_port *port, const uint8_t mac[VIREO_MAC_LEN])
{
	struct vireo_port_settings *s = &port->settings, old = *s;

	if (find_mac(s, mac) >= 0)
		return 0;
	if (s->n_filter_macs == VIREO_MAX_FILTER_MACS)
		return vireo_error(
			-ENOSPC,
			"%s has %d further addresses, there is no room for more: remove one, or go promiscuous",
			port_name(port), VIREO_MAX_FILTER_MACS);
	memcpy(s->filter_macs[s->n_filter_macs++], mac, VIREO_MAC_LEN);
	return port_apply(port, port->driver->set_mac_filter, &old);
}

int vireo_port_add_mac(struct vireo_port *port, const uint8_t mac[VIREO_MAC_LEN])
{
	int err;

	if (is_zero(mac))
		return vireo_error(-EINVAL, "no frame is addressed to zero");
	if (!port->driver->set_mac_filter)
		return port_lacks(port, "filter by further addresses");
	pthread_mutex_lock(&port->lock);
	err = add_mac_locked(port, mac);
	pthread_mutex_unlock(&port->lock);
	return err;
}

static int remove_mac_locked(struct vireo_port *port, const uint8_t mac[VIREO_MAC_LEN])
{
	struct vireo_port_settings *s = &port->settings, old = *s;
	int i = find_mac(s, mac);

	if (i < 0)
		return vireo_error(-EINVAL, "%s has no such further address", port_name(port));
	s->n_filter_macs--;
	memmove(s->filter_macs[i], s->filter_macs[i + 1], (s->n_filter_macs - (unsigned)i) * VIREO_MAC_LEN);
	return port_apply(port, port->driver->set_mac_filter, &old);
}

int vireo_port_remove_mac(struct vireo_port *port, const uint8_t mac[VIREO_MAC_LEN])
{
	int err;

	if (!port->driver->set_mac_filter)
		return port_lacks(port, "filter by further addresses");
	pthread_mutex_lock(&port->lock);
	err = remove_mac_locked(port, mac);
	pthread_mutex_unlock(&port->lock);
	return err;
}

static int set_vlan_locked(struct vireo_port *port, uint16_t vlan_id, bool on)
{
	struct vireo_port_settings *s = &port->settings, old = *s;
	uint64_t bit = 1ULL << (vlan_id % 64);
	bool is_on = s->vlans[vlan_id / 64] & bit;
	int err;

	if (!on && !is_on)
		return vireo_error(-EINVAL, "%s does not filter for VLAN %u", port_name(port), vlan_id);
	if (on == is_on)
		return 0;
	s->vlans[vlan_id / 64] ^= bit;
	s->n_vlans += on ? 1 : -1u;
	if (!port->started)
		return 0;
	err = port_failure(port) == -ENODEV ? vireo_error(-ENODEV, "%s is gone", port_name(port))
					    : port->driver->set_vlan(port, vlan_id, on);
	if (err)
		*s = old;
	return err;
}

static int set_vlan(struct vireo_port *port, uint16_t vlan_id, bool on)
{
	int err;

	if (vlan_id > 4095)
		return vireo_error(-EINVAL, "VLAN ids go from 0 to 4095, not %u", vlan_id);
	if (!port->driver->set_vlan)
		return port_lacks(port, "filter by VLAN");
	pthread_mutex_lock(&port->lock);
	err = set_vlan_locked(port, vlan_id, on);
	pthread_mutex_unlock(&port->lock);
	return err;
}

int vireo_port_add_vlan(struct vireo_port *port, uint16_t vlan_id)
{
	return set_vlan(port, vlan_id, true);
}

int vireo_port_remove_vlan(struct vireo_port *port, uint16_t vlan_id)
{
	return set_vlan(port, vlan_id, false);
}
