# SPDX-License-Identifier: BSD-2-Clause
# What scenarios use. They run as root under "sh -eu"; the programs under test run as uid 1000 through as_user.
#
# A process costs 50 to 200 ms in an emulated machine, and most of what a scenario takes is that: so these functions read files and
# cut words by themselves, and say several things to ip(8) at once.

# The shell is busybox, which prefers its own small versions of these two to those on the path.
ip()
{
	/usr/bin/ip "$@"
}

setpriv()
{
	/usr/bin/setpriv "$@"
}

# The module under test, by the names that it has in the system.
VFIO_DRIVER=vfio-pci
VFIO_DIR=/dev/vfio
VFIO_CONTAINER=/dev/vfio/vfio
if [ "$VFIO_MODULE" = kvfio-pci ]; then
	VFIO_DRIVER=kvfio-pci
	VFIO_DIR=/dev/kvfio
	VFIO_CONTAINER=/dev/kvfio/kvfio
fi

A_SLOT=0000:00:04.0 # the root ports that v0 and v1 sit below
B_SLOT=0000:00:05.0

# The device right below a bridge; its number depends on how the firmware counted buses.
below()
{
	for path in /sys/bus/pci/devices/"$1"/0000:*:*.*; do
		[ ! -e "$path/vendor" ] || echo "${path##*/}"
	done
}

A=$(below $A_SLOT)
B=$(below $B_SLOT)

fail()
{
	echo "$*" | tee /tmp/reason
	exit 1
}

skip()
{
	echo "$*" | tee /tmp/reason
	exit 77
}

# summary TEXT: what the verdict's line shall say beside "ok".
summary()
{
	echo "$*" | tee /tmp/reason
}

# check TEXT COMMAND...: TEXT says what is true when COMMAND succeeds.
check()
{
	text=$1
	shift
	if "$@"; then
		echo "ok: $text"
	else
		fail "not so: $text ($*)"
	fi
}

# is TEXT GOT OPERATOR WANT: compare two numbers, as test(1) does.
is()
{
	test "$2" "$3" "$4" || fail "$1: $2, expected $3 $4"
	echo "ok: $1: $2 $3 $4"
}

# Seconds since the machine started.
now()
{
	read -r up idle </proc/uptime
	echo "${up%%.*}"
}

# wait_for SECONDS TEXT COMMAND...: SECONDS is what is plenty on a quiet host; a busy one gets four times as much.
wait_for()
{
	end=$(($(now) + 4 * $1))
	text=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$(now)" -le $end ] || fail "waited in vain: $text"
		sleep 0.1
	done
}

# host COMMAND...: ask the host to do something; prints its answer, fails if it failed. Descriptor 8 is init's.
host()
{
	# An emulated line on a busy host has been seen to lose a character: what the host does not know is said once more.
	for try in 1 2 3; do
		echo "$*" >&8
		read -r -t 120 answer <&8 || fail "the host does not answer to: $*"
		case $answer in "error: the host knows no "*) ;; *) break ;; esac
	done
	case $answer in
	ok) return 0 ;;
	"ok "*) echo "${answer#ok }" ;;
	*) echo "host: $answer"; return 1 ;;
	esac
}

# as_user COMMAND...: as uid 1000, without groups, without any capability, and unable to gain one. In the background
# "$AS_USER command &" is the thing, so that $! is the command itself.
AS_USER="/usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs"

as_user()
{
	$AS_USER "$@"
}

# --- Devices ---

driver_of()
{
	link_name "/sys/bus/pci/devices/$1/driver"
}

group_of()
{
	link_name "/sys/bus/pci/devices/$1/iommu_group"
}

# link_name LINK: the last part of what it points to; nothing when there is none.
link_name()
{
	target=$(readlink "$1" || true)
	echo "${target##*/}"
}

device_release()
{
	[ ! -e "/sys/bus/pci/devices/$1/driver" ] || echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind"
}

# vfio_load: the module under test; once, when the machine starts. kvfio lives beside upstream, its drop-in front instead.
vfio_load()
{
	if [ "$VFIO_MODULE" != kvfio-front ]; then
		modprobe vfio-pci
		modprobe vfio_iommu_type1
	fi
	case $VFIO_MODULE in
	kvfio-pci) . /tests/guest/kvfio.sh; kvfio_load ;;
	kvfio-front) . /tests/guest/kvfio.sh; front_load ;;
	esac
}

# vfio_bind ADDRESS...: give devices to the VFIO driver and their groups to the user.
vfio_bind()
{
	for address in "$@"; do
		[ "$(driver_of "$address")" = "$VFIO_DRIVER" ] || {
			device_release "$address"
			echo "$VFIO_DRIVER" >"/sys/bus/pci/devices/$address/driver_override"
			echo "$address" >/sys/bus/pci/drivers_probe
		}
		node=$VFIO_DIR/$(group_of "$address")
		wait_for 5 "$address is bound to $VFIO_DRIVER" test -c "$node"
		chown 1000:1000 "$node"
		chmod 600 "$node"
	done
}

# kernel_bind ADDRESS...: give devices back to the kernel's own driver.
kernel_bind()
{
	for address in "$@"; do
		case $(driver_of "$address") in
		"" | "$VFIO_DRIVER") ;;
		*) continue ;;
		esac
		device_release "$address"
		echo >"/sys/bus/pci/devices/$address/driver_override"
		echo "$address" >/sys/bus/pci/drivers_probe
	done
}

# The devices that a driver has.
bound_to()
{
	for path in "/sys/bus/pci/drivers/$1"/0000:*; do
		[ ! -e "$path" ] || echo "${path##*/}"
	done
}

# plug_in: v0 is put into its slot again; it may have another address than before.
plug_in()
{
	# The kernel forgets a device before it tells the slot to let it go, and until then the slot takes no other.
	wait_for 20 "the slot takes v0" host hmp device_add \
		"virtio-net-pci,id=v0,netdev=w0,bus=rp0,mac=52:54:00:00:00:20,disable-legacy=on,iommu_platform=on,romfile="
	wait_for 20 "v0 is back" v0_there
	A=$(below $A_SLOT)
}

# The kernel's own driver is the last to come: what is seen of a device before is not all there yet.
v0_there()
{
	[ -n "$(driver_of "$(below $A_SLOT)")" ]
}

hugepages()
{
	echo "$1" >/proc/sys/vm/nr_hugepages
}

# The state that each scenario begins in, whatever the one before left behind.
machine_reset()
{
	for ns in $(ip netns list 2>/dev/null | cut -d' ' -f1); do
		ip netns delete "$ns"
	done
	# A scenario that failed may have left another in its place.
	[ -e $VFIO_CONTAINER ] || vfio_load
	chmod 666 $VFIO_CONTAINER
	rm -rf /tmp/* /home/user
	mkdir -p /home/user
	chown 1000:1000 /home/user
	ulimit -l unlimited
	[ -n "$A" ] || plug_in
	for address in $(bound_to "$VFIO_DRIVER"); do
		case $address in "$A" | "$B") ;; *) kernel_bind "$address" ;; esac
	done
	vfio_bind "$A" "$B"
	ends_reset
	hugepages 96
}

# Packets that nobody took out of a card's ring keep the namespace alive that they come from, and the namespace the card:
# only taking the card from its driver brings it back.
ends_reset()
{
	for address in 0000:00:02.0 0000:00:03.0; do
		[ -e "/sys/bus/pci/devices/$address" ] || continue
		device_release $address
		echo $address >/sys/bus/pci/drivers_probe
	done
	[ ! -e /sys/bus/pci/devices/0000:00:02.0 ] || wait_for 10 "the kernel's cards are back" ends_there
}

ends_there()
{
	[ -n "$(nic 52:54:00:00:00:10)" ] && [ -n "$(nic 52:54:00:00:00:11)" ]
}

# nic MAC: the kernel's name for a card of its own, in this namespace.
nic()
{
	for path in /sys/class/net/*; do
		mac=
		read -r mac 2>/dev/null <"$path/address" || true
		[ "$mac" != "$1" ] || { echo "${path##*/}"; return; }
	done
}

# --- Two namespaces, one at each end of the line ---

# ns_up MTU: namespaces left (10.0.0.1) and right (10.0.0.2); their only way to each other leads through v0 and v1.
ns_up()
{
	end_up left 52:54:00:00:00:10 10.0.0.1 "$1"
	end_up right 52:54:00:00:00:11 10.0.0.2 "$1"
}

end_up()
{
	card=$(nic "$2")
	[ -n "$card" ] || fail "no card with address $2"
	ip netns add "$1"
	ip link set "$card" name wire netns "$1"
	# IPv6 would send packets of its own, and some scenarios count.
	ip netns exec "$1" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/wire/disable_ipv6'
	ip -n "$1" -batch - <<-LINES
		link set lo up
		link set wire mtu $4 up
		address add $3/24 dev wire
	LINES
}

left()
{
	ip netns exec left "$@"
}

right()
{
	ip netns exec right "$@"
}

# wire_count NS COUNTER: a statistic of an end of the line, such as rx_packets.
wire_count()
{
	ip netns exec "$1" cat "/sys/class/net/wire/statistics/$2"
}

# tcp_both_ways MIB [LEFT RIGHT]: a file of random bytes each way, both at once; fails unless both arrive as they were.
tcp_both_ways()
{
	[ -p /tmp/never ] || mkfifo /tmp/never
	dd if=/dev/urandom of=/tmp/data bs=1M count="$1" 2>/dev/null
	sum=$(sha256sum </tmp/data)
	tcp_receive left >/tmp/left.sum &
	receivers=$!
	tcp_receive right >/tmp/right.sum &
	receivers="$receivers $!"
	wait_for 5 "both ends listen" both_listen
	left timeout 200 nc "${3:-10.0.0.2}" 5001 </tmp/data &
	receivers="$receivers $!"
	right timeout 200 nc "${2:-10.0.0.1}" 5001 </tmp/data
	wait $receivers
	rm -f /tmp/data
	check "the file that went left arrived as it was" [ "$(cat /tmp/left.sum)" = "$sum" ]
	check "the file that went right arrived as it was" [ "$(cat /tmp/right.sum)" = "$sum" ]
}

# Both ends have somebody at TCP port 5001.
both_listen()
{
	listens left && listens right
}

# 0x1389 is 5001, 0A is LISTEN.
listens()
{
	ip netns exec "$1" cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ':1389 0*:0000 0A '
}

# dump_start NS OPTION...: tcpdump on an end of the line, recording when this returns; what it prints goes into /tmp/dump.out.
dump_start()
{
	ns=$1
	shift
	ip netns exec "$ns" tcpdump -Z root -i wire "$@" >/tmp/dump.out 2>/tmp/dump.err &
	DUMP=$!
	wait_for 5 "tcpdump listens" grep -q 'listening on' /tmp/dump.err
}

# The receiving nc ends when its input does, so it is given one that never ends and never says anything.
tcp_receive()
{
	"$1" timeout 200 nc -l -p 5001 0<>/tmp/never | sha256sum
}

# load_start: UDP from both ends to the other, as fast as the machine can, until load_stop. It is for an address that
# nobody has, so that nobody answers. It takes what the forwarder and the scenario leave of the CPUs.
load_start()
{
	ip -n left neigh replace 10.0.0.9 lladdr 52:54:00:00:00:11 dev wire
	ip -n right neigh replace 10.0.0.9 lladdr 52:54:00:00:00:10 dev wire
	left vmtest-flood 10.0.0.9 &
	LOAD=$!
	right vmtest-flood 10.0.0.9 &
	LOAD="$LOAD $!"
}

load_stop()
{
	kill $LOAD 2>/dev/null || true
	wait $LOAD 2>/dev/null || true
}

# arriving NS: packets arrive there right now.
arriving()
{
	ip netns exec "$1" sh -c '
		read -r before <$0; sleep 0.2; read -r after <$0; [ $after -gt $((before + 5)) ]' \
		/sys/class/net/wire/statistics/rx_packets
}

# --- Programs under test ---

# fwd_start [OPTION...]: vireo-fwd between v0 and v1, as the user, forwarding when this returns.
fwd_start()
{
	rm -f /home/user/fwd.json
	$AS_USER vireo-fwd --json /home/user/fwd.json "$@" "$A" "$B" >/tmp/fwd.out 2>&1 </dev/null &
	FWD=$!
	wait_for 20 "vireo-fwd is up: $(cat /tmp/fwd.out)" fwd_ready
}

# Bus mastering of both devices is the last thing that a starting port turns on.
fwd_ready()
{
	[ -d /proc/$FWD ] && master_on "$A" && master_on "$B"
}

master_on()
{
	word=$(hexdump -s 4 -n 1 -e '1/1 "%d"' "/sys/bus/pci/devices/$1/config" 2>/dev/null)
	[ $((word & 4)) -ne 0 ]
}

# fwd_stop: end it as a person would, and expect a clean end.
fwd_stop()
{
	kill -TERM "$FWD"
	program_ends "$FWD" 10 0
	cat /tmp/fwd.out
	jq -cM . /home/user/fwd.json || fail "vireo-fwd wrote no JSON"
}

# program_ends PID SECONDS CODE
program_ends()
{
	wait_for "$2" "program $1 ends" not_running "$1"
	code=0
	wait "$1" || code=$?
	[ "$code" = "$3" ] || { cat /tmp/*.out; fail "exit code $code, expected $3"; }
}

not_running()
{
	! kill -0 "$1" 2>/dev/null || grep -q '^State:.*Z' "/proc/$1/status"
}

# fwd_json FILTER: ask vireo-fwd's final object.
fwd_json()
{
	jq -r "$1" /home/user/fwd.json
}

# expect_exit CODE PATTERN COMMAND...: as the user; ends with CODE and one sentence on stderr that matches PATTERN.
expect_exit()
{
	want=$1
	pattern=$2
	shift 2
	code=0
	timeout 60 $AS_USER "$@" >/tmp/expect.out 2>/tmp/expect.err </dev/null || code=$?
	echo "$* -> exit $code: $(cat /tmp/expect.err)"
	[ "$code" = "$want" ] || fail "exit code $code, expected $want: $(cat /tmp/expect.err)"
	[ "$(wc -l </tmp/expect.err)" = 1 ] || fail "not one sentence on stderr: $(cat /tmp/expect.err)"
	grep -Eq "$pattern" /tmp/expect.err || fail "the sentence does not say \"$pattern\": $(cat /tmp/expect.err)"
}
