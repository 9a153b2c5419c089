#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# vireo-bind knows every card that the library drives. Usage: test_driver_ids.sh VIREO-BIND DRIVER-IDS

TOOL=$1
ids=$("$2")
set -- --version
# shellcheck source=tools/vireo-bind
. "$TOOL" >/dev/null
n=0
while read -r id driver; do
	n=$((n + 1))
	if [ "$(vireo_driver "$id")" = "$driver" ]; then
		echo "ok $n - $id"
	else
		echo "not ok $n - $id: vireo_driver() in vireo-bind says '$(vireo_driver "$id")', drivers/ says '$driver'"
	fi
done <<END
$ids
END
echo "1..$n"
