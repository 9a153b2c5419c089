/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: memory that comes and goes, and interrupts that reach their users. Devices are named
 * and IOVAs are numbers of the user; no address of the kernel's and none of physical memory is shown.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvfio

#if !defined(KVFIO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVFIO_TRACE_H

#include <linux/device.h>
#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(kvfio_range,
	TP_PROTO(unsigned int container, u64 iova, u64 size),
	TP_ARGS(container, iova, size),
	TP_STRUCT__entry(
		__field(unsigned int, container)
		__field(u64, iova)
		__field(u64, size)
	),
	TP_fast_assign(
		__entry->container = container;
		__entry->iova = iova;
		__entry->size = size;
	),
	TP_printk("container=%u iova=%#llx size=%#llx", __entry->container, __entry->iova,
		  __entry->size)
);

/* A map is complete: devices of the container reach it. */
DEFINE_EVENT(kvfio_range, kvfio_map,
	TP_PROTO(unsigned int container, u64 iova, u64 size),
	TP_ARGS(container, iova, size)
);

/* No device reaches it any more; its pages are given back next. */
DEFINE_EVENT(kvfio_range, kvfio_unmap,
	TP_PROTO(unsigned int container, u64 iova, u64 size),
	TP_ARGS(container, iova, size)
);

/* An interrupt of a device: its eventfd is signalled next. index is one of VFIO_PCI_*_IRQ_INDEX. */
TRACE_EVENT(kvfio_irq,
	TP_PROTO(struct device *dev, unsigned int index, unsigned int vector),
	TP_ARGS(dev, index, vector),
	TP_STRUCT__entry(
		__array(char, device, 32)
		__field(unsigned int, index)
		__field(unsigned int, vector)
	),
	TP_fast_assign(
		strscpy(__entry->device, dev_name(dev), sizeof(__entry->device));
		__entry->index = index;
		__entry->vector = vector;
	),
	TP_printk("device=%s index=%u vector=%u", __entry->device, __entry->index,
		  __entry->vector)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE kvfio_trace
#include <trace/define_trace.h>
