// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test devices that are software alone: the second client of the bus-driver API, after PCI. With
 * them the core can be tested on any machine. They copy between a buffer and memory that their user
 * has mapped, as a device with DMA would.
 */

#include <linux/eventfd.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/vfio.h>
#include <linux/vmalloc.h>

#include "../compat.h"
#include "../include/kvfio.h"
#include "test_regs.h"

static unsigned int n_devices = 2;
module_param(n_devices, uint, 0444);
MODULE_PARM_DESC(n_devices, "Test devices to make (2).");

struct test_device {
	struct kvfio_device kdev;
	struct device *dev;
	struct mutex lock;	/* all below; held while DMA is done, outside of a container's */
	u32 regs[TEST_N_REGS];
	bool hidden;		/* written under fault_lock too */
	void *buffer;		/* the pointer itself is constant */
	struct eventfd_ctx *triggers[TEST_N_VECTORS];
	/*
	 * What a page fault takes. A map of this very buffer faults under the container's lock, so it
	 * cannot be the lock under which DMA asks for that one.
	 */
	struct mutex fault_lock;
};

static struct test_device **devices;

static struct test_device *to_test(struct kvfio_device *kdev)
{
	return container_of(kdev, struct test_device, kdev);
}

static void drop_triggers(struct test_device *test)
{
	unsigned int i;

	for (i = 0; i < TEST_N_VECTORS; i++) {
		if (test->triggers[i])
			eventfd_ctx_put(test->triggers[i]);
		test->triggers[i] = NULL;
	}
}

static void set_hidden(struct test_device *test, bool hidden)
{
	mutex_lock(&test->fault_lock);
	test->hidden = hidden;
	mutex_unlock(&test->fault_lock);
}

/* As after power-on; a user must not see what the one before has left. */
static void reset(struct test_device *test)
{
	memset(test->regs, 0, sizeof(test->regs));
	test->regs[TEST_MAGIC / 4] = TEST_MAGIC_VALUE;
	memset(test->buffer, 0, TEST_BUFFER_SIZE);
	set_hidden(test, false);
}

static int test_open(struct kvfio_device *kdev)
{
	struct test_device *test = to_test(kdev);

	mutex_lock(&test->lock);
	reset(test);
	mutex_unlock(&test->lock);
	return 0;
}

static void test_close(struct kvfio_device *kdev)
{
	struct test_device *test = to_test(kdev);

	mutex_lock(&test->lock);
	drop_triggers(test);
	mutex_unlock(&test->lock);
}

static void trigger(struct test_device *test, unsigned int vector)
{
	if (test->triggers[vector])
		compat_eventfd_signal(test->triggers[vector]);
}

static int copy(struct test_device *test, bool store)
{
	u64 iova = (u64)test->regs[TEST_IOVA_HIGH / 4] << 32 | test->regs[TEST_IOVA_LOW / 4];
	u32 length = test->regs[TEST_LENGTH / 4];

	if (length > TEST_BUFFER_SIZE)
		return -EINVAL;
	return kvfio_dma_rw(&test->kdev, iova, test->buffer, length, store);
}

static void run_command(struct test_device *test, u32 command)
{
	int ret = 0;

	switch (command) {
	case TEST_COMMAND_FETCH:
	case TEST_COMMAND_STORE:
		ret = copy(test, command == TEST_COMMAND_STORE);
		trigger(test, 0);
		break;
	case TEST_COMMAND_HIDE:
		set_hidden(test, true);
		kvfio_revoke_mmap(&test->kdev, kvfio_region_to_offset(TEST_REGION_BUFFER),
				  TEST_BUFFER_SIZE);
		break;
	case TEST_COMMAND_SHOW:
		set_hidden(test, false);
		break;
	default:
		ret = -EINVAL;
	}
	test->regs[TEST_STATUS / 4] = -ret;
}

static int access_reg(struct test_device *test, u32 offset, u32 *value, bool write)
{
	switch (offset) {
	case TEST_COMMAND:
		if (write)
			run_command(test, *value);
		return 0;
	case TEST_MAGIC:
	case TEST_STATUS:
		if (!write)
			*value = test->regs[offset / 4];
		return 0;
	default:
		if (write)
			test->regs[offset / 4] = *value;
		else
			*value = test->regs[offset / 4];
		return 0;
	}
}

static ssize_t rw_regs(struct test_device *test, char __user *buf, size_t count, u64 offset,
		       bool write)
{
	u32 value = 0;

	if (count != sizeof(value) || offset % sizeof(value) || offset >= sizeof(test->regs))
		return -EINVAL;
	if (write && copy_from_user(&value, buf, sizeof(value)))
		return -EFAULT;
	mutex_lock(&test->lock);
	access_reg(test, offset, &value, write);
	mutex_unlock(&test->lock);
	if (!write && copy_to_user(buf, &value, sizeof(value)))
		return -EFAULT;
	return sizeof(value);
}

/*
 * Through a bounce page: a fault on user memory must not happen under the lock that our own faults
 * take.
 */
static ssize_t rw_buffer(struct test_device *test, char __user *buf, size_t count, u64 offset,
			 bool write)
{
	ssize_t ret = 0;
	void *bounce;

	if (offset >= TEST_BUFFER_SIZE)
		return -EINVAL;
	count = min3(count, (size_t)(TEST_BUFFER_SIZE - offset), (size_t)PAGE_SIZE);
	bounce = write ? memdup_user(buf, count) : kmalloc(count, GFP_KERNEL);
	if (IS_ERR_OR_NULL(bounce))
		return bounce ? PTR_ERR(bounce) : -ENOMEM;
	mutex_lock(&test->lock);
	if (test->hidden)
		ret = -EIO;
	else if (write)
		memcpy(test->buffer + offset, bounce, count);
	else
		memcpy(bounce, test->buffer + offset, count);
	mutex_unlock(&test->lock);
	if (!ret && !write && copy_to_user(buf, bounce, count))
		ret = -EFAULT;
	kfree(bounce);
	return ret ?: count;
}

static ssize_t rw(struct kvfio_device *kdev, char __user *buf, size_t count, loff_t *ppos,
		  bool write)
{
	u64 offset = *ppos & KVFIO_OFFSET_MASK;
	ssize_t ret;

	switch (kvfio_offset_to_region(*ppos)) {
	case TEST_REGION_REGS:
		ret = rw_regs(to_test(kdev), buf, count, offset, write);
		break;
	case TEST_REGION_BUFFER:
		ret = rw_buffer(to_test(kdev), buf, count, offset, write);
		break;
	default:
		return -EINVAL;
	}
	if (ret > 0)
		*ppos += ret;
	return ret;
}

static ssize_t test_read(struct kvfio_device *kdev, char __user *buf, size_t count, loff_t *ppos)
{
	return rw(kdev, buf, count, ppos, false);
}

static ssize_t test_write(struct kvfio_device *kdev, const char __user *buf, size_t count,
			  loff_t *ppos)
{
	return rw(kdev, (char __user *)buf, count, ppos, true);
}

static vm_fault_t buffer_fault(struct vm_fault *vmf)
{
	struct test_device *test = vmf->vma->vm_private_data;
	u64 offset = ((u64)vmf->pgoff << PAGE_SHIFT) & KVFIO_OFFSET_MASK;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	mutex_lock(&test->fault_lock);
	if (!test->hidden)
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     vmalloc_to_pfn(test->buffer + offset));
	mutex_unlock(&test->fault_lock);
	return ret;
}

static const struct vm_operations_struct buffer_vm_ops = {
	.fault = buffer_fault,
};

static int test_mmap(struct kvfio_device *kdev, struct vm_area_struct *vma)
{
	u64 start = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 size = vma->vm_end - vma->vm_start;

	if (kvfio_offset_to_region(start) != TEST_REGION_BUFFER || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	start &= KVFIO_OFFSET_MASK;
	if (start >= TEST_BUFFER_SIZE || size > TEST_BUFFER_SIZE - start)
		return -EINVAL;
	vma->vm_private_data = to_test(kdev);
	vma->vm_ops = &buffer_vm_ops;
	compat_vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

static long get_info(void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = TEST_N_REGIONS;
	info.num_irqs = 1;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long get_region_info(void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= TEST_N_REGIONS)
		return -EINVAL;
	info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	info.size = TEST_N_REGS * sizeof(u32);
	if (info.index == TEST_REGION_BUFFER) {
		info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
		info.size = TEST_BUFFER_SIZE;
	}
	info.cap_offset = 0;
	info.offset = kvfio_region_to_offset(info.index);
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static unsigned int n_vectors(struct kvfio_device *kdev, u32 index)
{
	return index ? 0 : TEST_N_VECTORS;
}

static long get_irq_info(void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index)
		return -EINVAL;
	info.flags = VFIO_IRQ_INFO_EVENTFD;
	info.count = TEST_N_VECTORS;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long set_trigger(struct test_device *test, unsigned int vector, int fd)
{
	struct eventfd_ctx *ctx = NULL;

	if (fd >= 0) {
		ctx = eventfd_ctx_fdget(fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	swap(ctx, test->triggers[vector]);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}

static long apply_irq_set(struct test_device *test, const struct kvfio_irq_set *set)
{
	long ret = 0;
	u32 i;

	if (set->action != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -ENOTTY;
	if (!set->count && set->type == VFIO_IRQ_SET_DATA_NONE)
		drop_triggers(test);
	for (i = 0; i < set->count && !ret; i++) {
		if (set->type == VFIO_IRQ_SET_DATA_EVENTFD)
			ret = set_trigger(test, set->start + i, set->fds[i]);
		else if (kvfio_irq_set_selects(set, i))
			trigger(test, set->start + i);
	}
	return ret;
}

static long set_irqs(struct test_device *test, void __user *arg)
{
	struct kvfio_irq_set set;
	long ret;

	ret = kvfio_irq_set_copy(&test->kdev, arg, n_vectors, &set);
	if (ret)
		return ret;
	mutex_lock(&test->lock);
	ret = apply_irq_set(test, &set);
	mutex_unlock(&test->lock);
	kfree(set.data);
	return ret;
}

static long test_ioctl(struct kvfio_device *kdev, unsigned int cmd, unsigned long arg)
{
	struct test_device *test = to_test(kdev);

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return get_info((void __user *)arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return get_region_info((void __user *)arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info((void __user *)arg);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(test, (void __user *)arg);
	case VFIO_DEVICE_RESET:
		mutex_lock(&test->lock);
		reset(test);
		mutex_unlock(&test->lock);
		return 0;
	default:
		return -ENOTTY;
	}
}

static const struct kvfio_device_ops test_ops = {
	.name = "kvfio-test",
	.owner = THIS_MODULE,
	.open = test_open,
	.close = test_close,
	.read = test_read,
	.write = test_write,
	.ioctl = test_ioctl,
	.mmap = test_mmap,
};

static struct test_device *test_create(unsigned int index)
{
	struct test_device *test;
	char name[32];
	int ret;

	test = kzalloc(sizeof(*test), GFP_KERNEL);
	if (!test)
		return ERR_PTR(-ENOMEM);
	mutex_init(&test->lock);
	mutex_init(&test->fault_lock);
	ret = -ENOMEM;
	test->buffer = vzalloc(TEST_BUFFER_SIZE);
	if (!test->buffer)
		goto err_free;
	snprintf(name, sizeof(name), "kvfio-test%u", index);
	test->dev = root_device_register(name);
	if (IS_ERR(test->dev)) {
		ret = PTR_ERR(test->dev);
		goto err_free_buffer;
	}
	ret = kvfio_register_soft_device(&test->kdev, test->dev, &test_ops);
	if (ret)
		goto err_unregister;
	return test;

err_unregister:
	root_device_unregister(test->dev);
err_free_buffer:
	vfree(test->buffer);
err_free:
	kfree(test);
	return ERR_PTR(ret);
}

static void test_destroy(struct test_device *test)
{
	kvfio_unregister_device(&test->kdev);
	root_device_unregister(test->dev);
	vfree(test->buffer);
	kfree(test);
}

static int __init test_init(void)
{
	unsigned int i;
	int ret;

	devices = kcalloc(n_devices, sizeof(struct test_device *), GFP_KERNEL);
	if (!devices)
		return -ENOMEM;
	for (i = 0; i < n_devices; i++) {
		devices[i] = test_create(i);
		if (IS_ERR(devices[i])) {
			ret = PTR_ERR(devices[i]);
			goto err_destroy;
		}
	}
	return 0;

err_destroy:
	while (i--)
		test_destroy(devices[i]);
	kfree(devices);
	return ret;
}

static void __exit test_exit(void)
{
	unsigned int i;

	for (i = 0; i < n_devices; i++)
		test_destroy(devices[i]);
	kfree(devices);
}

module_init(test_init);
module_exit(test_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("kvfio: devices of software, for tests");
