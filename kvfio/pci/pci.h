/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVFIO_PCI_H
#define KVFIO_PCI_H

/*
 * What the files of the PCI driver share. docs/kvfio.md has the lock order:
 *
 * 	group->lock (core) > devices_lock (hot_reset.c) > vdev->lock > vdev->memory_lock >
 * 		vdev->intx.lock
 *
 * Memory of the user is never touched under vdev->lock or memory_lock: a page fault on a mapped BAR
 * takes memory_lock.
 */

#include <linux/eventfd.h>
#include <linux/irqbypass.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/poll.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/vfio.h>

#include "../compat.h"
#include "../include/kvfio.h"
#include "../fault.h"

struct kvfio_pci;

/* Called after the user has written to a register that means something; vdev->lock held. */
typedef void (*config_hook_fn)(struct kvfio_pci *vdev, unsigned int pos);

struct config_hook {
	u16 pos;		/* first byte of the register */
	u16 size;
	config_hook_fn written;
};

#define CONFIG_MAX_HOOKS 8

/*
 * Config space as the user sees it. Each bit is read either from virt or from the device, and a
 * write to it is either let through or dropped: that is what the two masks say. Made at open, see
 * config.c.
 */
struct config_space {
	unsigned int size;
	u8 *virt;		/* contents of the bits that from_virt selects */
	u8 *from_virt;
	u8 *writable;
	unsigned int n_hooks;
	struct config_hook hooks[CONFIG_MAX_HOOKS];
	u32 bars[PCI_STD_NUM_BARS + 1];	/* what the device really has, and the ROM */
};

struct bar {
	bool usable;		/* its addresses are ours while open */
	bool mappable;
	struct resource *rest;	/* of the page, where the BAR is smaller than one */
	void __iomem *io;	/* vdev->lock to make it; then constant until close */
};

/* An eventfd that is watched for being signalled. */
struct eventfd_watch {
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table poll;
	struct work_struct work;
	void (*signalled)(void *data);
	void *data;
	bool closed;		/* by its user, for good */
};

struct intx {
	spinlock_t lock;	/* all but unmask, which vdev->lock protects */
	bool enabled;		/* the handler is there */
	bool masked;
	bool user_disabled;	/* COMMAND.INTX_DISABLE of the user */
	bool shared;		/* PCI 2.3: the device itself can mask and tell */
	struct eventfd_ctx *trigger;
	struct eventfd_watch *unmask;
};

struct msi_vector {
	struct kvfio_pci *vdev;
	struct eventfd_ctx *trigger;
	char *name;
	struct irq_bypass_producer producer;
	bool bypass;		/* the producer is registered */
};

/* What users of a physical function and of its virtual ones have to agree on. */
struct vf_token {
	struct mutex lock;	/* all below */
	uuid_t uuid;
	unsigned int n_users;	/* virtual functions that are open */
};

struct kvfio_pci {
	struct kvfio_device kdev;
	struct pci_dev *pdev;
	struct list_head entry;			/* devices_lock of hot_reset.c */

	/* Everything that sets the device up: config space, interrupts, reset. */
	struct mutex lock;
	bool opened;
	struct config_space config;
	struct pci_saved_state *saved;		/* as found at open, without bus mastering */
	struct pci_saved_state *pm_saved;	/* what D3hot would lose */
	bool reset_works;
	bool needs_reset;
	bool has_intx;
	u32 msix_size;				/* vectors */
	u8 msix_bar;
	u32 msix_offset;

	int irq_index;				/* VFIO_PCI_INTX_IRQ_INDEX, ...; -1: none is on */
	struct intx intx;
	struct msi_vector *msi;
	unsigned int n_msi;			/* of vectors that can have an eventfd */
	bool msi_grows;				/* not all of them have an interrupt yet */
	struct eventfd_ctx *error_trigger;
	struct eventfd_ctx *request_trigger;
	struct list_head ioeventfds;		/* none left when the device is closed */
	unsigned int n_ioeventfds;

	bool sleeps;				/* while not open; constant */
	bool low_power;				/* and memory_lock: nobody maps its BARs until it ends */
	bool intx_asleep;			/* INTx was masked for it */
	struct eventfd_ctx *wakeup_trigger;
	bool has_vfs;
	struct vf_token vf_token;

	/*
	 * Held for reading by who reaches memory of a BAR or maps it, for writing by who makes it
	 * unreachable: memory decode off, low power, reset.
	 */
	struct rw_semaphore memory_lock;
	bool memory_on;				/* memory_lock */

	struct bar bars[PCI_STD_NUM_BARS];
};

static inline struct kvfio_pci *to_kvfio_pci(struct kvfio_device *kdev)
{
	return container_of(kdev, struct kvfio_pci, kdev);
}

/* config.c; vdev->lock held, but for config_rw() */
int config_create(struct kvfio_pci *vdev);
void config_destroy(struct kvfio_pci *vdev);
ssize_t config_rw(struct kvfio_pci *vdev, char __user *buf, size_t count, u64 offset, bool write);
u32 config_virt(const struct config_space *config, unsigned int pos, unsigned int size);
void config_set_virt(struct config_space *config, unsigned int pos, unsigned int size, u32 value);
void config_field(struct kvfio_pci *vdev, unsigned int pos, unsigned int size, u32 from_virt,
		  u32 writable);
void config_add_hook(struct kvfio_pci *vdev, unsigned int pos, unsigned int size,
		     config_hook_fn written);
u32 config_hw_read(struct kvfio_pci *vdev, unsigned int pos, unsigned int size);
void config_hw_write(struct kvfio_pci *vdev, unsigned int pos, unsigned int size, u32 value);

/* header.c, caps.c, ecaps.c: the tables that make it */
void config_add_header(struct kvfio_pci *vdev);
void config_add_caps(struct kvfio_pci *vdev);
void config_add_ecaps(struct kvfio_pci *vdev);

/* bar.c */
void bars_open(struct kvfio_pci *vdev);
void bars_close(struct kvfio_pci *vdev);
u64 region_size(struct kvfio_pci *vdev, unsigned int index);
ssize_t bar_rw(struct kvfio_pci *vdev, unsigned int index, char __user *buf, size_t count,
	       u64 offset, bool write);
int bar_mmap(struct kvfio_pci *vdev, struct vm_area_struct *vma);
long region_info(struct kvfio_pci *vdev, void __user *arg);
int bar_check_access(struct kvfio_pci *vdev, unsigned int index, u64 offset, unsigned int size);
int bar_access(struct kvfio_pci *vdev, unsigned int index, u64 offset, u8 *bytes,
	       unsigned int size, bool write);

/* memory.c: memory_lock and what it protects; vdev->lock held */
void memory_take(struct kvfio_pci *vdev);
void memory_take_nested(struct kvfio_pci *vdev, struct mutex *outer);
void memory_give(struct kvfio_pci *vdev);
void memory_apply_command(struct kvfio_pci *vdev);
void memory_restore_command(struct kvfio_pci *vdev);
u16 memory_decode_begin(struct kvfio_pci *vdev);
void memory_decode_end(struct kvfio_pci *vdev, u16 command);
u16 memory_force_on(struct kvfio_pci *vdev);
void memory_force_end(struct kvfio_pci *vdev, u16 command);

/* reset.c; vdev->lock held */
int reset_function(struct kvfio_pci *vdev);
void set_power_state(struct kvfio_pci *vdev, pci_power_t state);

/* hot_reset.c; vdev->lock not held */
void hot_reset_add(struct kvfio_pci *vdev);
void hot_reset_remove(struct kvfio_pci *vdev);
long hot_reset_info(struct kvfio_pci *vdev, void __user *arg);
long hot_reset(struct kvfio_pci *vdev, void __user *arg);
void hot_reset_after_close(struct kvfio_pci *vdev);

struct kvfio_pci *device_find(struct pci_dev *pdev);

/* power.c */
extern const struct dev_pm_ops power_ops;
void power_begin(struct kvfio_pci *vdev);
void power_end(struct kvfio_pci *vdev);
int power_get(struct kvfio_pci *vdev);
void power_put(struct kvfio_pci *vdev);
int power_enter_low(struct kvfio_pci *vdev, struct eventfd_ctx *wakeup);
void power_leave_low(struct kvfio_pci *vdev);

/* sriov.c */
int sriov_init(void);
void sriov_exit(void);
int sriov_configure(struct pci_dev *pdev, int n);
void sriov_disable(struct kvfio_pci *vdev);
void sriov_open(struct kvfio_pci *vdev);
void sriov_close(struct kvfio_pci *vdev);
void vf_token_init(struct kvfio_pci *vdev);
void vf_token_set(struct kvfio_pci *vdev, const uuid_t *uuid);
int kvfio_pci_match(struct kvfio_device *kdev, const char *name);

/* feature.c */
long device_feature(struct kvfio_pci *vdev, void __user *arg);

/* ioeventfd.c */
long ioeventfd_set(struct kvfio_pci *vdev, void __user *arg);
void ioeventfds_close(struct kvfio_pci *vdev);

/* irq.c */
long irq_info(struct kvfio_pci *vdev, void __user *arg);
long irq_set(struct kvfio_pci *vdev, void __user *arg);
void irq_disable_all(struct kvfio_pci *vdev);

/* msi.c, intx.c; vdev->lock held */
long msi_set_trigger(struct kvfio_pci *vdev, const struct kvfio_irq_set *set);
void msi_disable(struct kvfio_pci *vdev);
long intx_set(struct kvfio_pci *vdev, const struct kvfio_irq_set *set);
void intx_disable(struct kvfio_pci *vdev);
void intx_reapply(struct kvfio_pci *vdev);
bool intx_sleep(struct kvfio_pci *vdev);
void intx_wake(struct kvfio_pci *vdev);
void intx_user_disable(struct kvfio_pci *vdev, bool disable);

/* watch.c */
struct eventfd_watch *watch_create(int fd, void (*signalled)(void *data), void *data);
bool watch_is_closed(const struct eventfd_watch *watch);
void watch_destroy(struct eventfd_watch *watch);

#endif
