# SPDX-License-Identifier: BSD-2-Clause
# The same questions to upstream and to kvfio about the same device; the answers are as expected of each.
# machine: pair
# seconds: 120

. /tests/guest/kvfio.sh

# docs/kvfio.md has the reason of each.
MAY_DIFFER="map_iova_wraps map_va_wraps map_size_wraps unmap_wraps set_container_other_file set_container_group_file"

# differing FILE FILE: answers to the same question that are not the same, but for those that may. What is asked of one alone does not count.
differing()
{
	awk -v may="$MAY_DIFFER" '
		{ key = $4 " " ++n[FILENAME, $4]; text = $0; sub(/.* = /, "", text) }
		NR == FNR { first[key] = text; next }
		(key in first) && first[key] != text && !index(" " may " ", " " $4 " ") { print $4 ": " first[key] " upstream, " text " kvfio" }' "$1" "$2"
}

kvfio_load
for driver in vfio-pci kvfio-pci; do
	driver_give $driver $E0
	for program in abi pci; do
		tap kvfio-$program /dev/${driver%-pci} "$(group_of $E0)" $E0
		grep -E '^ok' /tmp/tap.out >"/tmp/$program.$driver"
	done
done
for program in abi pci; do
	echo "where $program differs:"
	diff "/tmp/$program.vfio-pci" "/tmp/$program.kvfio-pci" || true
	differing "/tmp/$program.vfio-pci" "/tmp/$program.kvfio-pci" >/tmp/differing
	[ ! -s /tmp/differing ] || fail "$program: $(head -n 1 /tmp/differing)"
done
kvfio_unload
