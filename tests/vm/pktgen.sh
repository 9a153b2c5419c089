# SPDX-License-Identifier: BSD-2-Clause
# vireo-pktgen sends through one card and verifies at the other; in between the guest's kernel routes.
# machine: pair
# seconds: 120

ip addr add 198.18.0.254/24 dev eth0
ip addr add 198.19.0.254/24 dev eth1
ip link set eth0 up
ip link set eth1 up
ip neigh add 198.19.0.1 lladdr 02:00:00:00:00:01 dev eth1 nud permanent
echo 1 >/proc/sys/net/ipv4/ip_forward
router=$(cat /sys/class/net/eth0/address)

# through NAME OPTION...: send, verify, and leave the report in /home/user/pktgen.json.
through()
{
	name=$1
	shift
	as_user vireo-pktgen --dst-mac "$router" --json /home/user/pktgen.json --verify "$@" "$A" --rx "$B" >/tmp/pktgen.out 2>&1 ||
		{ cat /tmp/pktgen.out; fail "$name: vireo-pktgen says that something is wrong"; }
	cat /tmp/pktgen.out
	sent=$(jq -r '.tx[0].packets' /home/user/pktgen.json)
	is "$name: packets verified" "$(jq -r '.verify.received' /home/user/pktgen.json)" -eq "$sent"
}

through "smallest frames" --rate 1k --count 3000
through "mixed sizes" --rate 1k --count 3000 --size imix --flows 20
through "checksums by the card" --rate 1k --count 2000 --size 128 --offload
latency=$(jq -r '.verify.latency_ns | "p50 \(.p50 / 1000) us, p99.9 \(."p99.9" / 1000) us"' /home/user/pktgen.json)

# With its way out gone the router drops everything, and that must not pass for success.
ip link set eth1 down
as_user vireo-pktgen --dst-mac "$router" --rate 1k --count 500 --verify "$A" --rx "$B" >/tmp/pktgen.out 2>&1 && code=0 || code=$?
is "exit code when nothing comes through" "$code" -eq 14
summary "$latency through the guest's own router"
