// SPDX-License-Identifier: GPL-2.0-only
/* Parameters, and the order in which the parts come and go. */

#include <linux/module.h>

#include "core.h"

bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts, "Allow devices whose interrupts are not isolated: their "
					  "users can interrupt the host at will.");

bool enable_unsafe_noiommu_mode;
module_param(enable_unsafe_noiommu_mode, bool, 0644);
MODULE_PARM_DESC(enable_unsafe_noiommu_mode,
		 "Allow devices without an IOMMU to users with CAP_SYS_RAWIO: they can read and "
		 "write all memory. Taints the kernel.");

unsigned int dma_entry_limit = U16_MAX;
module_param(dma_entry_limit, uint, 0644);
MODULE_PARM_DESC(dma_entry_limit, "Mappings that one container may hold (65535).");

static int __init kvfio_init(void)
{
	int ret;

	ret = group_init();
	if (ret)
		return ret;
	ret = container_init();
	if (ret)
		group_exit();
	return ret;
}

static void __exit kvfio_exit(void)
{
	container_exit();
	group_exit();
}

module_init(kvfio_init);
module_exit(kvfio_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("kvfio: devices for user space, behind an IOMMU");
MODULE_VERSION("0.1");
