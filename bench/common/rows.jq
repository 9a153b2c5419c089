# SPDX-License-Identifier: BSD-2-Clause
# From samples to rows; see scripts/lib/bench.sh.

# Words, and these numbers, say what was measured; all other numbers are figures.
def naming: ["batch", "size", "threads", "queues", "rate"];
def is_figure: (.value | type) == "number" and (.key as $k | naming | index($k)) == null;
def quantile($q): sort | .[((length - 1) * $q) | round];
def median: sort | if length % 2 == 1 then .[(length - 1) / 2] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def spread: quantile(0.75) - quantile(0.25);
def rounded: if . == 0 then 0 else . * 1000 | round / 1000 end;

def named: with_entries(select(is_figure | not));
def figures: with_entries(select(is_figure)) | del(.round, .spread) | keys;

def rows($metric):
	group_by(named) | map(
		. as $group | (.[0] | named) +
		(reduce ([.[] | figures[]] | unique[]) as $f ({}; .[$f] = ($group | map(.[$f] | values) | median | rounded))) +
		(($group | map(.[$metric] | values)) as $all |
			if ($all | length) > 1 then {spread: ($all | spread | rounded)}
			elif $group[0].spread then {spread: $group[0].spread} else {} end));

def ratio($metric; $ours; $peer; $bound; $limit; $most):
	. as $group |
	($group | map(select(.path == $ours and .peer == null)) | map({key: (.round | tostring), value: .[$metric]}) | from_entries) as $a |
	($group | map(select(.path == $peer and .peer != null)) | map({key: (.round | tostring), value: .[$metric]}) | from_entries) as $b |
	[$a | keys[] | select($b[.] != null and $b[.] > 0 and $a[.] != null) | $a[.] / $b[.]] as $ratios |
	if $ratios == [] then empty else
		($ratios | median) as $ratio | ($ratios | spread) as $spread |
		(.[0] | named | del(.path, .peer)) + {path: $ours, metric: $metric, spread: ($spread | rounded), n_rounds: ($ratios | length)} +
		{ratio_to: ((.[] | select(.peer != null) | .peer) + " " + $peer)} +
		(if $spread > $most * $ratio then {ratio: null, refused: "rounds disagree"} else {ratio: ($ratio | rounded)} end) +
		(if $bound != "" then {($bound): $limit} else {} end)
	end;

def ratios($metric; $ours; $peer; $bound; $limit; $most):
	map(select(.[$metric] != null and ((.path == $ours and .peer == null) or (.path == $peer and .peer != null)))) |
	group_by(named | del(.path, .peer)) |
	map(first(ratio($metric; $ours; $peer; $bound; $limit; $most)));

# What a bound is for: the ratio, or the row's first figure.
def bounded: if has("ratio") then .ratio else .insn_per_pkt // .mpps // .value end;
def misses: bounded as $v | $v != null and ((.at_most != null and $v > .at_most) or (.at_least != null and $v < .at_least));

def figure($key; $unit): .[$key] | values | "\(.) \($unit)";
def ratio_text:
	if has("ratio") then
		(if .refused then "refused: \(.refused)" else "\(.ratio)" end) + " of \(.ratio_to)" + (if .metric then " (\(.metric))" else "" end)
	else empty end;
def verdict_text:
	if .at_most == null and .at_least == null then ""
	elif .refused then "?"
	elif misses then "MISSES \(if .at_most then "at most \(.at_most)" else "at least \(.at_least)" end)"
	else "ok" end;

def table_line:
	[.what,
	 ([.peer, .path] | map(values) | join(" ")),
	 ([.op, .measure, .device, .clock, .cache] | map(values) | join(" ")),
	 ([figure("batch"; "a burst"), figure("size"; "bytes"), figure("threads"; "threads"), figure("queues"; "queues"), figure("rate"; "packets/s")] | join(", ")),
	 ([figure("value"; .unit // ""), figure("insn_per_pkt"; "insn/pkt"), figure("tsc_per_pkt"; "tsc/pkt"), figure("mpps"; "Mpps"),
	   figure("p50_us"; "us p50"), figure("p99_us"; "us p99"), figure("p999_us"; "us p99.9"), figure("max_us"; "us max"),
	   figure("cpu_percent"; "% CPU"), figure("busy_percent"; "% of its core"), ratio_text, (.skipped | values)] | join(", ")),
	 (if .spread then "+-\(.spread)" else "" end),
	 verdict_text] | join("|");
