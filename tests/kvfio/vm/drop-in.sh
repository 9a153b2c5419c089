# SPDX-License-Identifier: BSD-2-Clause
# vireo-bind puts kvfio in the place of upstream and takes it out again. As long as nobody asks it to, an installed kvfio
# changes nothing: modprobe loads upstream, before, afterwards, and without kvfio.
# machine: pair
# seconds: 90

. /tests/guest/kvfio.sh

# says CODE PATTERN ARGUMENT...
says()
{
	code=$1
	pattern=$2
	shift 2
	got=0
	vireo-bind "$@" >/tmp/said 2>&1 </dev/null || got=$?
	sed "s/^/vireo-bind $1: /" /tmp/said
	[ "$got" = "$code" ] || fail "vireo-bind $*: exit code $got, expected $code"
	grep -qE -e "$pattern" /tmp/said || fail "vireo-bind $*: does not say: $pattern"
}

is_upstream()
{
	[ -d /sys/module/vfio_pci ] && [ ! -e /sys/module/kvfio/holders/vfio ]
}

depmod
upstream_unload
modprobe vfio-pci
check "with kvfio installed, modprobe loads upstream" is_upstream
vfio_bind "$A" "$B"
says 3 "vfio-pci is loaded and has $A" kvfio --drop-in
says 0 "back with virtio-pci" unbind "$A" "$B"
exec 7<>/dev/vfio/vfio
says 3 "in use by .*\(pid $$\)" kvfio --drop-in
exec 7>&-
says 0 "in the place of upstream" kvfio --drop-in
check "it is" test -e /sys/module/kvfio/holders/vfio
says 0 "loaded: /dev/vfio and vfio-pci are kvfio's" kvfio
says 0 "vfio-pci +kvfio in the place of upstream" status
says 0 "already" kvfio --drop-in
chmod 666 /dev/vfio/vfio
says 0 "before: virtio-pci" bind --user user "$A" "$B"
ns_up 1500
fwd_start
check "ping passes" left ping -c 3 -W 20 10.0.0.2
says 3 "vfio-pci of kvfio has" kvfio --unload
fwd_stop
says 0 "back with virtio-pci" unbind "$A" "$B"
says 0 "upstream loads again" kvfio --unload
check "nothing of kvfio is left" [ -z "$(ls /sys/module | grep kvfio)" ]
check "nor of what had upstream's names" [ ! -e /sys/module/vfio ]

mv "$FRONT" /usr/lib/kvfio/another
says 1 "not built for kernel .* \(only for another\)" kvfio --drop-in
mv /usr/lib/kvfio/another "$FRONT"

echo "-- after an uninstall"
mv /usr/lib/kvfio /lib/modules/"$(uname -r)"/updates /tmp/
depmod
upstream_load
check "upstream loads" is_upstream
vfio_bind "$A" "$B"
fwd_start
check "and works" left ping -c 3 -W 20 10.0.0.2
fwd_stop
mv /tmp/kvfio /usr/lib/
mv /tmp/updates "/lib/modules/$(uname -r)/"
depmod
