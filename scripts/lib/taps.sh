# SPDX-License-Identifier: BSD-2-Clause
# The machine "tap": two taps in network namespaces of their own, so that the host's stacks talk through the guest. All
# of it lives in a user namespace: no root is needed, and nothing of it is seen by or left on the host.

TAP_PIDS=()

taps_create()
{
	echo "not there yet"
	return 1
}

taps_use()
{
	:
}

taps_destroy()
{
	:
}
