# SPDX-License-Identifier: BSD-2-Clause
# Suite sim: the real programs on simulated cards. One scenario each in tests/sim/, run with the functions of
# tests/sim/lib.sh by whoever runs the tests; programs that move packets run as an ordinary user in any case.

SIM_TESTS=$TOP/tests/sim

sim_list()
{
	local file
	for file in "$SIM_TESTS"/*.sh; do
		case $file in */lib*.sh) continue ;; esac
		basename "$file" .sh
	done
}

sim_prepare()
{
	need_packages "building and testing vireo" "${PACKAGES_BUILD[@]}" "${PACKAGES_SIM[@]}"
	build_plain
	sim_openvswitch
}

# Open vSwitch is unpacked below the cache and not installed: its packages start a switch on the machine that they are installed on.
sim_openvswitch()
{
	local suite
	# shellcheck disable=SC1091
	suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
	export OPENVSWITCH=$CACHE/openvswitch-$suite
	[ ! -e "$OPENVSWITCH/ready" ] || return 0
	rm -rf "$OPENVSWITCH"
	fetch_packages "$suite" "$(dpkg --print-architecture)" "$OPENVSWITCH" openvswitch-common openvswitch-switch openvswitch-switch-dpdk
	touch "$OPENVSWITCH/ready"
}

# sim_header NAME KEY: the value of a "# KEY: value" line of a scenario.
sim_header()
{
	sed -n "s/^# $2: *//p" "$SIM_TESTS/$1.sh" | head -n 1
}

# sim_run SCENARIO...: exit code 77 is a skip, whose last line says why; a line "figure: ..." goes behind the verdict.
sim_run()
{
	local name log rc seconds
	export TOP LONG BUILD_PLAIN=$BUILD/plain
	for name in "$@"; do
		export WORK=$BUILD/sim/$name
		rm -rf "$WORK"
		mkdir -p "$WORK"
		log=$(log_of sim "$name")
		seconds=$(sim_header "$name" seconds)
		rc=0
		timeout -k 10 "${seconds:-60}" bash -euo pipefail -c '. "$TOP/tests/sim/lib.sh"; . "$0"' \
			"$SIM_TESTS/$name.sh" >"$log" 2>&1 </dev/null || rc=$?
		case $rc in
		0) verdict ok sim "$name" "$(sed -n 's/^figure: //p' "$log" | paste -sd, | sed 's/,\([^ ]\)/, \1/g')" ;;
		77) verdict skip sim "$name" "$(tail -n 1 "$log")" ;;
		124 | 137) verdict FAIL sim "$name" "not done after ${seconds:-60} s" ;;
		*) verdict FAIL sim "$name" "exit code $rc" ;;
		esac
	done
}
