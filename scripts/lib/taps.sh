# SPDX-License-Identifier: BSD-2-Clause
# The machine "tap": the ends of the line are two taps in network namespaces of the host, so that the host's stacks talk
# through the guest. All of it lives in a user namespace: no root is needed, and nothing of it is seen by or left on the
# host. Where there are none, as in a chroot, root does without. A namespace lives as long as the process that holds it.

TAP_HOLDERS=()
TAP_USER=()

# taps_create: prints why on failure.
taps_create()
{
	local reason
	taps_destroy
	[ -c /dev/net/tun ] || { echo "this machine has no /dev/net/tun"; return 1; }
	[ -w /dev/net/tun ] || { echo "no permission on /dev/net/tun"; return 1; }
	if reason=$(unshare -Urn true 2>&1); then
		TAP_USER=(-U --preserve-credentials)
		taps_hold unshare -Urn
	elif unshare -n true 2>/dev/null; then
		TAP_USER=()
		taps_hold unshare -n
	else
		echo "no namespaces here: $reason"
		return 1
	fi
	TAP_HOME=$TAP_HOLDER
	taps_hold nsenter -t "$TAP_HOME" "${TAP_USER[@]}" -n unshare -n
	TAP_LEFT=$TAP_HOLDER
	taps_hold nsenter -t "$TAP_HOME" "${TAP_USER[@]}" -n unshare -n
	TAP_RIGHT=$TAP_HOLDER
	for tap in vtap0 vtap1; do
		if ! reason=$(taps_in "$TAP_HOME" ip tuntap add mode tap "$tap" vnet_hdr 2>&1); then
			echo "no taps here: $reason"
			return 1
		fi
	done
	QEMU_PREFIX=(nsenter -t "$TAP_HOME" "${TAP_USER[@]}" -n)
}

# taps_hold COMMAND...: a process that keeps the namespaces alive that COMMAND makes; sets TAP_HOLDER.
taps_hold()
{
	local ready=$BUILD/vm/ready
	rm -f "$ready"
	"$@" setpriv --pdeathsig KILL sh -c 'touch "$0" && exec sleep infinity' "$ready" </dev/null {VM_LOCK_FD}>&- &
	TAP_HOLDER=$!
	TAP_HOLDERS+=("$TAP_HOLDER")
	until [ -e "$ready" ]; do
		kill -0 "$TAP_HOLDER" || die "could not make a namespace"
		sleep 0.1
	done
}

# taps_in HOLDER COMMAND...
taps_in()
{
	local holder=$1
	shift
	nsenter -t "$holder" "${TAP_USER[@]}" -n "$@"
}

taps_destroy()
{
	local holder
	for holder in ${TAP_HOLDERS[@]+"${TAP_HOLDERS[@]}"}; do
		kill -KILL "$holder" 2>/dev/null || true
		wait "$holder" 2>/dev/null || true
	done
	TAP_HOLDERS=()
	QEMU_PREFIX=()
}

# --- What scenarios on this machine may ask ---

# taps_up MTU: one tap at each end, 10.0.0.1 and 10.0.0.2, in namespaces of their own.
host_taps_up()
{
	tap_end_up vtap0 "$TAP_LEFT" 10.0.0.1 "$1"
	tap_end_up vtap1 "$TAP_RIGHT" 10.0.0.2 "$1"
}

tap_end_up()
{
	taps_in "$TAP_HOME" ip link set "$1" netns "$2" 2>/dev/null || true # QEMU keeps it open wherever it is
	taps_in "$2" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6' 2>/dev/null || true
	taps_in "$2" ip link set lo up
	taps_in "$2" ip link set "$1" mtu "$4" up
	taps_in "$2" ip address replace "$3/24" dev "$1"
}

host_taps_ping()
{
	taps_in "$TAP_LEFT" busybox ping -c "$1" -s "$2" -W 2 10.0.0.2
}

# taps_tcp MIB: a file of random bytes each way, both at once; fails unless both arrive as they were.
host_taps_tcp()
{
	local dir=$BUILD/vm/tcp sum pids=()
	rm -rf "$dir"
	mkdir -p "$dir"
	mkfifo "$dir/never"
	head -c "$1"M /dev/urandom >"$dir/data"
	sum=$(sha256sum <"$dir/data")
	tap_receive "$TAP_RIGHT" "$dir" right &
	pids+=($!)
	tap_receive "$TAP_LEFT" "$dir" left &
	pids+=($!)
	sleep 0.5
	taps_in "$TAP_LEFT" timeout 90 busybox nc 10.0.0.2 5001 <"$dir/data" &
	pids+=($!)
	taps_in "$TAP_RIGHT" timeout 90 busybox nc 10.0.0.1 5001 <"$dir/data"
	# By name: the machine itself and the holders of the namespaces are children too.
	wait "${pids[@]}"
	rm -f "$dir/data"
	[ "$(cat "$dir/right")" = "$sum" ] || { echo "the file that went right arrived changed"; return 1; }
	[ "$(cat "$dir/left")" = "$sum" ] || { echo "the file that went left arrived changed"; return 1; }
}

# The receiving nc ends when its input does, so it is given one that never ends and never says anything.
tap_receive()
{
	taps_in "$1" timeout 90 busybox nc -l -p 5001 0<>"$2/never" | sha256sum >"$2/$3"
}

# taps_count left|right COUNTER: a statistic of the host's end.
host_taps_count()
{
	local holder=$TAP_LEFT tap=vtap0
	[ "$1" = left ] || holder=$TAP_RIGHT tap=vtap1
	taps_in "$holder" ip -s -j link show dev "$tap" | jq -r ".[0].stats64.${2%%_*}.${2#*_}"
}
