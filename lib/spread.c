// SPDX-License-Identifier: BSD-2-Clause
/*
 * Settings that decide where received packets go, and when none shall come: RSS, flows, pause frames. They are stored
 * first, handed to a started driver, and taken back if it refuses, like those of settings.c.
 */
#include <errno.h>
#include <string.h>

#include "port.h"

#define ALL_MATCHES                                                                                             \
	(VIREO_FLOW_SRC | VIREO_FLOW_DST | VIREO_FLOW_SRC_PORT | VIREO_FLOW_DST_PORT | VIREO_FLOW_PROTOCOL)
#define MAX_PRIORITY 7

/* RSS */

static int lacks_rss(const struct vireo_port *port)
{
	return port_lacks(port, "spread packets by a table and key of your choice");
}

int vireo_port_rss(struct vireo_port *port, struct vireo_rss *ret_rss)
{
	if (!port->limits.rss_fields || !port->driver->set_rss)
		return lacks_rss(port);
	pthread_mutex_lock(&port->lock);
	*ret_rss = port->settings.rss;
	pthread_mutex_unlock(&port->lock);
	return 0;
}

static int check_rss(const struct vireo_port *port, const struct vireo_rss *rss)
{
	const struct vireo_port_limits *limits = &port->limits;
	unsigned n = port->cfg.n_rxq < limits->rss_queues ? port->cfg.n_rxq : limits->rss_queues;

	if (rss->fields & ~limits->rss_fields)
		return vireo_error(-EINVAL, "%s cannot hash over all of %#x, only over %#x", port_name(port), rss->fields,
				   limits->rss_fields);
	if (rss->key_len && rss->key_len != limits->rss_key_len)
		return vireo_error(-EINVAL, "the RSS key of %s has %u bytes, not %u", port_name(port), limits->rss_key_len,
				   rss->key_len);
	if (rss->n_table && rss->n_table != limits->rss_table)
		return vireo_error(-EINVAL, "the RSS table of %s has %u entries, not %u", port_name(port),
				   limits->rss_table, rss->n_table);
	for (unsigned i = 0; i < rss->n_table; i++)
		if (rss->table[i] >= n)
			return vireo_error(-EINVAL, "entry %u of the RSS table names queue %u, RSS of %s reaches %u", i,
					   rss->table[i], port_name(port), n);
	return 0;
}

int vireo_port_set_rss(struct vireo_port *port, const struct vireo_rss *rss)
{
	struct vireo_port_settings old;
	int err;

	if (!port->limits.rss_fields || !port->driver->set_rss)
		return lacks_rss(port);
	err = check_rss(port, rss);
	if (err)
		return err;
	pthread_mutex_lock(&port->lock);
	old = port->settings;
	port->settings.rss.fields = rss->fields;
	memcpy(port->settings.rss.key, rss->key, rss->key_len);
	memcpy(port->settings.rss.table, rss->table, rss->n_table);
	err = port_apply(port, port->driver->set_rss, &old);
	pthread_mutex_unlock(&port->lock);
	return err;
}

/* Flows */

/* Parts that do not count are zero, so that two flows compare as bytes. */
static struct vireo_flow normalize(const struct vireo_flow *flow)
{
	struct vireo_flow f;

	memset(&f, 0, sizeof(f));
	f.match = flow->match;
	f.priority = flow->priority;
	f.queue = flow->queue;
	if (f.match & VIREO_FLOW_SRC)
		memcpy(f.src, flow->src, sizeof(f.src));
	if (f.match & VIREO_FLOW_DST)
		memcpy(f.dst, flow->dst, sizeof(f.dst));
	if (f.match & VIREO_FLOW_SRC_PORT)
		f.src_port = flow->src_port;
	if (f.match & VIREO_FLOW_DST_PORT)
		f.dst_port = flow->dst_port;
	if (f.match & VIREO_FLOW_PROTOCOL)
		f.protocol = flow->protocol;
	return f;
}

static struct vireo_flow *find_flow(struct vireo_port_settings *s, const struct vireo_flow *flow)
{
	for (unsigned i = 0; i < s->n_flows; i++) {
		struct vireo_flow same = s->flows[i];

		same.priority = flow->priority;
		same.queue = flow->queue;
		if (!memcmp(&same, flow, sizeof(same)))
			return &s->flows[i];
	}
	return NULL;
}

static int check_flow(struct vireo_port *port, const struct vireo_flow *flow)
{
	if (!flow->match || (flow->match & ~ALL_MATCHES))
		return vireo_error(-EINVAL, "a flow matches at least one of what there is, not %#x", flow->match);
	if (flow->priority < 1 || flow->priority > MAX_PRIORITY)
		return vireo_error(-EINVAL, "priorities of flows go from 1 to %d, not %u", MAX_PRIORITY, flow->priority);
	if (flow->queue >= port->cfg.n_rxq)
		return vireo_error(-EINVAL, "a flow names queue %u, %s was opened with %u", flow->queue, port_name(port),
				   port->cfg.n_rxq);
	return port->driver->check_flow ? port->driver->check_flow(port, flow) : 0;
}

static int add_flow_locked(struct vireo_port *port, const struct vireo_flow *flow)
{
	struct vireo_port_settings *s = &port->settings, old = *s;
	struct vireo_flow *place = find_flow(s, flow);

	if (!place) {
		if (s->n_flows == port->limits.max_flows || s->n_flows == VIREO_MAX_FLOWS)
			return vireo_error(-ENOSPC, "%s has %u flows, there is no room for more", port_name(port),
					   s->n_flows);
		place = &s->flows[s->n_flows++];
	}
	*place = *flow;
	return port_apply(port, port->driver->set_flows, &old);
}

static int remove_flow_locked(struct vireo_port *port, const struct vireo_flow *flow)
{
	struct vireo_port_settings *s = &port->settings, old = *s;
	struct vireo_flow *place = find_flow(s, flow);

	if (!place)
		return vireo_error(-EINVAL, "%s has no such flow", port_name(port));
	*place = s->flows[--s->n_flows];
	return port_apply(port, port->driver->set_flows, &old);
}

int vireo_port_add_flow(struct vireo_port *port, const struct vireo_flow *flow)
{
	struct vireo_flow f = normalize(flow);
	int err;

	if (!port->limits.max_flows || !port->driver->set_flows)
		return port_lacks(port, "send flows to queues");
	err = check_flow(port, &f);
	if (err)
		return err;
	pthread_mutex_lock(&port->lock);
	err = add_flow_locked(port, &f);
	pthread_mutex_unlock(&port->lock);
	return err;
}

int vireo_port_remove_flow(struct vireo_port *port, const struct vireo_flow *flow)
{
	struct vireo_flow f = normalize(flow);
	int err;

	if (!port->limits.max_flows || !port->driver->set_flows)
		return port_lacks(port, "send flows to queues");
	pthread_mutex_lock(&port->lock);
	err = remove_flow_locked(port, &f);
	pthread_mutex_unlock(&port->lock);
	return err;
}

/* Pause frames */

int vireo_port_flow_control(struct vireo_port *port, struct vireo_flow_control *ret_fc)
{
	if (!port->driver->set_flow_control)
		return port_lacks(port, "pause");
	pthread_mutex_lock(&port->lock);
	*ret_fc = port->settings.flow_control;
	pthread_mutex_unlock(&port->lock);
	return 0;
}

int vireo_port_set_flow_control(struct vireo_port *port, const struct vireo_flow_control *fc)
{
	struct vireo_port_settings old;
	int err;

	if (!port->driver->set_flow_control)
		return port_lacks(port, "pause");
	pthread_mutex_lock(&port->lock);
	old = port->settings;
	port->settings.flow_control = *fc;
	err = port_apply(port, port->driver->set_flow_control, &old);
	pthread_mutex_unlock(&port->lock);
	return err;
}
