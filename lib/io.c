// SPDX-License-Identifier: BSD-2-Clause
/* Register windows: mapped where the bus lets us, calls of the bus where not. */
#include <errno.h>
#include <string.h>

#include <vireo/driver.h>

#include "bus.h"
#include "io.h"

int io_window_open(struct vireo_device *dev, enum vireo_region region, uint64_t offset, uint64_t size,
		   struct io_window *ret_window)
{
	struct io_window w = {.dev = dev, .region = region, .offset = offset, .size = size};
	struct vireo_region_info info;
	volatile void *va = NULL;
	int err;

	err = vireo_device_region(dev, region, &info);
	if (err)
		return err;
	if (size == 0 || offset > info.size || size > info.size - offset)
		return vireo_error(
			-EINVAL,
			"a register window of %#llx bytes at %#llx does not lie inside region %d, which has %#llx",
			(unsigned long long)size, (unsigned long long)offset, (int)region,
			(unsigned long long)info.size);
	err = vireo_device_map_region(dev, region, offset, size, &va);
	if (err && err != -EOPNOTSUPP)
		return err;
	w.map = va;
	*ret_window = w;
	return 0;
}

void io_gather(const struct io_window *w, bool on)
{
	if (!w->map && w->dev->ops->gather)
		w->dev->ops->gather(w->dev, on);
}

uint64_t io_window_read(const struct io_window *w, uint64_t off, unsigned len)
{
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} v;

	/* All ones is what the wire gives when nobody answers; drivers know it as a lost device. */
	if (off > w->size || len > w->size - off || vireo_device_read(w->dev, w->region, w->offset + off, &v, len))
		return ~0ULL >> (64 - 8 * len);
	switch (len) {
	case 1:
		return v.u8;
	case 2:
		return v.u16;
	case 4:
		return v.u32;
	default:
		return v.u64;
	}
}

void io_window_write(const struct io_window *w, uint64_t off, uint64_t value, unsigned len)
{
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} v;

	if (off > w->size || len > w->size - off)
		return;
	switch (len) {
	case 1:
		v.u8 = (uint8_t)value;
		break;
	case 2:
		v.u16 = (uint16_t)value;
		break;
	case 4:
		v.u32 = (uint32_t)value;
		break;
	default:
		v.u64 = value;
	}
	/* A write to a device that is gone is lost, as on the wire; the next read tells. */
	vireo_device_write(w->dev, w->region, w->offset + off, &v, len);
}
