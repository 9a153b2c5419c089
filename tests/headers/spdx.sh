# SPDX-License-Identifier: BSD-2-Clause
# Every file says its licence in its first lines: GPL-2.0-only below kvfio/, BSD-2-Clause everywhere else.
cd "$TOP"
if git rev-parse --git-dir >/dev/null 2>&1; then
	git ls-files -co --exclude-standard >"$WORK/files"
else
	find . -type f ! -path './build*' ! -path './.git/*' | sed 's#^\./##' >"$WORK/files"
fi
missing=0
while read -r file; do
	[ -e "$file" ] || continue
	licence=BSD-2-Clause
	case $file in
	LICENSES/* | *.pcap | tests/fuzz/corpus/*) continue ;;
	kvfio/*) licence=GPL-2.0-only ;;
	esac
	head -n 5 "$file" | grep -q "SPDX-License-Identifier:.*$licence" || { echo "$file: no line says $licence"; missing=1; }
done <"$WORK/files"
exit $missing
