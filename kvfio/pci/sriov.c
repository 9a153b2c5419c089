// SPDX-License-Identifier: GPL-2.0-only
/*
 * SR-IOV: a physical function of kvfio may have virtual functions, when the administrator says so.
 * Who has the physical function can do to the others what he likes, so user and users have to agree:
 * they show the same token, a UUID that is kept with the physical function.
 *
 * The physical function outlives the virtual ones: they go, waiting for their users, before it is
 * unregistered.
 */

#include <linux/module.h>
#include <linux/string.h>

#include "pci.h"

#define TOKEN_OPTION	"vf_token="

static bool enable_sriov;
module_param(enable_sriov, bool, 0644);
MODULE_PARM_DESC(enable_sriov,
		 "Let sriov_numvfs make virtual functions of devices that users have: their other "
		 "users have to trust these.");

void vf_token_init(struct kvfio_pci *vdev)
{
	mutex_init(&vdev->vf_token.lock);
	/* Nobody can know it, so none can get in until one has been set. */
	uuid_gen(&vdev->vf_token.uuid);
}

void vf_token_set(struct kvfio_pci *vdev, const uuid_t *uuid)
{
	mutex_lock(&vdev->vf_token.lock);
	uuid_copy(&vdev->vf_token.uuid, uuid);
	mutex_unlock(&vdev->vf_token.lock);
}

/* -EACCES: not the token of this physical function. */
static int vf_token_compare(struct kvfio_pci *pf, const uuid_t *uuid)
{
	int ret = -EACCES;

	mutex_lock(&pf->vf_token.lock);
	if (uuid && uuid_equal(uuid, &pf->vf_token.uuid))
		ret = 0;
	mutex_unlock(&pf->vf_token.lock);
	return ret;
}

static struct kvfio_pci *physical_function(struct kvfio_pci *vdev)
{
	return vdev->pdev->is_virtfn ? device_find(pci_physfn(vdev->pdev)) : NULL;
}

/* Of a physical function: the one that there is while others rely on it, else a new one. */
static int vf_token_of_physical(struct kvfio_pci *vdev, const uuid_t *uuid)
{
	unsigned int n_users;

	mutex_lock(&vdev->vf_token.lock);
	n_users = vdev->vf_token.n_users;
	mutex_unlock(&vdev->vf_token.lock);
	if (n_users)
		return vf_token_compare(vdev, uuid);
	if (uuid)
		vf_token_set(vdev, uuid);
	return 0;
}

/*
 * May a user who showed this token, or NULL, open the device? -EACCES: wrong, or there has to be
 * one; -EINVAL: there must be none.
 */
static int vf_token_check(struct kvfio_pci *vdev, const uuid_t *uuid)
{
	struct kvfio_pci *pf = physical_function(vdev);

	if (pf)
		return vf_token_compare(pf, uuid);
	if (vdev->pdev->is_physfn)
		return vf_token_of_physical(vdev, uuid);
	return uuid ? -EINVAL : 0;
}

/* The words behind the address: one token at most, and nothing else. */
static int parse_options(const char *text, uuid_t *uuid, bool *ret_has_token)
{
	*ret_has_token = false;
	for (; *text; text += *text == ' ') {
		if (*text == ' ')
			continue;
		if (*ret_has_token || strncmp(text, TOKEN_OPTION, strlen(TOKEN_OPTION)))
			return -EINVAL;
		text += strlen(TOKEN_OPTION);
		if (strlen(text) < UUID_STRING_LEN || uuid_parse(text, uuid))
			return -EINVAL;
		text += UUID_STRING_LEN;
		*ret_has_token = true;
	}
	return 0;
}

/** kvfio_pci_match() - "0000:03:10.0" or "0000:03:10.0 vf_token=UUID" */
int kvfio_pci_match(struct kvfio_device *kdev, const char *name)
{
	struct kvfio_pci *vdev = to_kvfio_pci(kdev);
	size_t len = strlen(pci_name(vdev->pdev));
	bool has_token;
	uuid_t uuid;
	int ret;

	if (strncmp(name, pci_name(vdev->pdev), len) || (name[len] && name[len] != ' '))
		return 0;
	ret = parse_options(name + len, &uuid, &has_token);
	ret = ret ?: vf_token_check(vdev, has_token ? &uuid : NULL);
	return ret ?: 1;
}

static void count_user(struct kvfio_pci *vdev, int by)
{
	struct kvfio_pci *pf = physical_function(vdev);

	if (!pf)
		return;
	mutex_lock(&pf->vf_token.lock);
	pf->vf_token.n_users += by;
	mutex_unlock(&pf->vf_token.lock);
}

/** sriov_open() - a virtual function has a user: the token of its physical function stays */
void sriov_open(struct kvfio_pci *vdev)
{
	count_user(vdev, 1);
}

void sriov_close(struct kvfio_pci *vdev)
{
	count_user(vdev, -1);
}

static int enable(struct kvfio_pci *vdev, int n)
{
	int ret;

	if (!enable_sriov)
		return -ENOENT;
	ret = power_get(vdev);
	if (ret)
		return ret;
	/* From here on it stays awake: its virtual functions would fall silent with it. */
	mutex_lock(&vdev->lock);
	vdev->has_vfs = true;
	set_power_state(vdev, PCI_D0);
	mutex_unlock(&vdev->lock);
	ret = pci_enable_sriov(vdev->pdev, n);
	if (ret) {
		vdev->has_vfs = false;
		power_put(vdev);
	}
	return ret ?: n;
}

/** sriov_disable() - the virtual functions go; waits for their users */
void sriov_disable(struct kvfio_pci *vdev)
{
	if (!vdev->has_vfs)
		return;
	pci_disable_sriov(vdev->pdev);
	vdev->has_vfs = false;
	power_put(vdev);
}

/* The lock of the device is held. */
int sriov_configure(struct pci_dev *pdev, int n)
{
	struct kvfio_pci *vdev = pci_get_drvdata(pdev);

	if (n)
		return vdev->has_vfs ? -EBUSY : enable(vdev, n);
	sriov_disable(vdev);
	return 0;
}

/*
 * A driver of the host must not take a virtual function whose physical function a user has: so it is
 * ours, until the administrator decides otherwise.
 */
static int bus_event(struct notifier_block *block, unsigned long event, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	const char *driver;

	if (!pdev->is_virtfn || !device_find(pci_physfn(pdev)))
		return 0;
	driver = pci_physfn(pdev)->dev.driver->name;
	if (event == BUS_NOTIFY_ADD_DEVICE && compat_set_driver_override(pdev, driver))
		pci_warn(pdev, "could not be reserved for users\n");
	else if (event == BUS_NOTIFY_BOUND_DRIVER && pdev->dev.driver != pci_physfn(pdev)->dev.driver)
		pci_warn(pdev, "is driven by %s although a user may have its physical function\n",
			 pdev->dev.driver->name);
	return 0;
}

static struct notifier_block bus_notifier = {
	.notifier_call = bus_event,
};

int __init sriov_init(void)
{
	return bus_register_notifier(&pci_bus_type, &bus_notifier);
}

void sriov_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &bus_notifier);
}
