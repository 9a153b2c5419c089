// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space, the engine: two masks over the whole of it say for every bit whether it is read
 * from our copy or from the device, and whether a user may write it. What no table names reads as
 * zero and ignores writes. Registers that do something have a hook. header.c, caps.c and ecaps.c
 * are the tables.
 */

#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pci.h"

static u32 load(const u8 *bytes, unsigned int pos, unsigned int size)
{
	switch (size) {
	case 1:
		return bytes[pos];
	case 2:
		return get_unaligned_le16(bytes + pos);
	default:
		return get_unaligned_le32(bytes + pos);
	}
}

static void store(u8 *bytes, unsigned int pos, unsigned int size, u32 value)
{
	switch (size) {
	case 1:
		bytes[pos] = value;
		break;
	case 2:
		put_unaligned_le16(value, bytes + pos);
		break;
	default:
		put_unaligned_le32(value, bytes + pos);
	}
}

/* Both know no register that a malformed capability puts behind the end. */
u32 config_virt(const struct config_space *config, unsigned int pos, unsigned int size)
{
	return pos + size <= config->size ? load(config->virt, pos, size) : 0;
}

void config_set_virt(struct config_space *config, unsigned int pos, unsigned int size, u32 value)
{
	if (pos + size <= config->size)
		store(config->virt, pos, size, value);
}

/* As the device has it, in one access of that size; all ones where it does not answer. */
u32 config_hw_read(struct kvfio_pci *vdev, unsigned int pos, unsigned int size)
{
	u32 value = U32_MAX;
	u16 word;
	u8 byte;

	switch (size) {
	case 1:
		return pci_user_read_config_byte(vdev->pdev, pos, &byte) ? U8_MAX : byte;
	case 2:
		return pci_user_read_config_word(vdev->pdev, pos, &word) ? U16_MAX : word;
	default:
		return pci_user_read_config_dword(vdev->pdev, pos, &value) ? U32_MAX : value;
	}
}

void config_hw_write(struct kvfio_pci *vdev, unsigned int pos, unsigned int size, u32 value)
{
	switch (size) {
	case 1:
		pci_user_write_config_byte(vdev->pdev, pos, value);
		break;
	case 2:
		pci_user_write_config_word(vdev->pdev, pos, value);
		break;
	default:
		pci_user_write_config_dword(vdev->pdev, pos, value);
	}
}

/**
 * config_field() - make a register visible
 * @vdev: the device
 * @pos: where
 * @size: 1, 2 or 4
 * @from_virt: bits that are read from our copy, which begins with what the device has
 * @writable: bits that the user may change: in our copy, or else in the device
 */
void config_field(struct kvfio_pci *vdev, unsigned int pos, unsigned int size, u32 from_virt,
		  u32 writable)
{
	struct config_space *config = &vdev->config;

	if (pos + size > config->size)
		return;
	store(config->from_virt, pos, size, from_virt);
	store(config->writable, pos, size, writable);
	store(config->virt, pos, size, from_virt ? config_hw_read(vdev, pos, size) : 0);
}

void config_add_hook(struct kvfio_pci *vdev, unsigned int pos, unsigned int size,
		     config_hook_fn written)
{
	struct config_space *config = &vdev->config;

	if (WARN_ON(config->n_hooks == CONFIG_MAX_HOOKS))
		return;
	config->hooks[config->n_hooks++] = (struct config_hook){ pos, size, written };
}

static u32 read_part(struct kvfio_pci *vdev, unsigned int pos, unsigned int size)
{
	struct config_space *config = &vdev->config;
	u32 all = GENMASK(size * 8 - 1, 0);
	u32 from_virt = load(config->from_virt, pos, size);
	u32 hw = from_virt == all ? 0 : config_hw_read(vdev, pos, size);

	return (hw & ~from_virt) | (load(config->virt, pos, size) & from_virt);
}

/* Bits that go to the device; those beside them are written back as they are. */
static void write_hw_bits(struct kvfio_pci *vdev, unsigned int pos, unsigned int size, u32 mask,
			  u32 value)
{
	if (!mask)
		return;
	/*
	 * Not more than needed: the neighbour may be a status register that is cleared by writing
	 * ones.
	 */
	if (size == 4 && !(mask & 0xffff0000)) {
		size = 2;
	} else if (size == 4 && !(mask & 0xffff)) {
		pos += 2;
		size = 2;
		mask >>= 16;
		value >>= 16;
	}
	if (mask != GENMASK(size * 8 - 1, 0))
		value = (config_hw_read(vdev, pos, size) & ~mask) | (value & mask);
	config_hw_write(vdev, pos, size, value);
}

static void call_hooks(struct kvfio_pci *vdev, unsigned int pos, unsigned int size)
{
	struct config_space *config = &vdev->config;
	unsigned int i;

	for (i = 0; i < config->n_hooks; i++) {
		struct config_hook *hook = &config->hooks[i];

		if (pos < hook->pos + hook->size && hook->pos < pos + size)
			hook->written(vdev, hook->pos);
	}
}

static void write_part(struct kvfio_pci *vdev, unsigned int pos, unsigned int size, u32 value)
{
	struct config_space *config = &vdev->config;
	u32 writable = load(config->writable, pos, size);
	u32 to_virt = writable & load(config->from_virt, pos, size);
	u32 old = load(config->virt, pos, size);

	store(config->virt, pos, size, (old & ~to_virt) | (value & to_virt));
	write_hw_bits(vdev, pos, size, writable & ~to_virt, value);
	call_hooks(vdev, pos, size);
}

/* The largest access that is aligned and not longer than what is left. */
static unsigned int part_size(unsigned int pos, size_t count)
{
	if (count >= 4 && pos % 4 == 0)
		return 4;
	return count >= 2 && pos % 2 == 0 ? 2 : 1;
}

static int rw_part(struct kvfio_pci *vdev, char __user *buf, unsigned int pos, unsigned int size,
		   bool write)
{
	u8 bytes[4] = { 0 };

	if (write && copy_from_user(bytes, buf, size))
		return -EFAULT;
	mutex_lock(&vdev->lock);
	if (write)
		write_part(vdev, pos, size, load(bytes, 0, size));
	else
		store(bytes, 0, size, read_part(vdev, pos, size));
	mutex_unlock(&vdev->lock);
	if (!write && copy_to_user(buf, bytes, size))
		return -EFAULT;
	return 0;
}

/** config_rw() - pread(2) and pwrite(2) of the config region */
ssize_t config_rw(struct kvfio_pci *vdev, char __user *buf, size_t count, u64 offset, bool write)
{
	size_t done = 0;
	int ret;

	if (offset >= vdev->config.size || count > vdev->config.size - offset)
		return -EFAULT;
	while (done < count) {
		unsigned int size = part_size(offset + done, count - done);

		ret = rw_part(vdev, buf + done, offset + done, size, write);
		if (ret)
			return ret;
		done += size;
	}
	return done;
}

/** config_create() - config space of a device that was just enabled; 0 or -ENOMEM */
int config_create(struct kvfio_pci *vdev)
{
	struct config_space *config = &vdev->config;
	unsigned int size = vdev->pdev->cfg_size;

	config->virt = kzalloc(3 * size, GFP_KERNEL_ACCOUNT);
	if (!config->virt)
		return -ENOMEM;
	config->from_virt = config->virt + size;
	config->writable = config->from_virt + size;
	config->size = size;
	config->n_hooks = 0;
	memset(config->from_virt, 0xff, size);
	config_add_header(vdev);
	config_add_caps(vdev);
	config_add_ecaps(vdev);
	return 0;
}

void config_destroy(struct kvfio_pci *vdev)
{
	kfree(vdev->config.virt);
	vdev->config.virt = NULL;
}
