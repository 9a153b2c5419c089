/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVFIO_DROP_IN_H
#define KVFIO_DROP_IN_H

#include "../include/kvfio_front.h"

extern struct kvfio_front vfio_front;

/* What KVM looks up by name; the types are those that it expects. */
bool vfio_file_is_group(struct file *file);
bool vfio_file_is_valid(struct file *file);
bool vfio_file_enforced_coherent(struct file *file);
void vfio_file_set_kvm(struct file *file, struct kvm *kvm);

#endif
