# SPDX-License-Identifier: BSD-2-Clause
# Three lists of functions are one: what libvireo.so exports, what lib/vireo.map names, what the public headers declare.
library=$(readlink -f "$BUILD_PLAIN/lib/link/libvireo.so")

nm -D --defined-only "$library" | awk '$2 ~ /[TDBRW]/ { sub(/@.*/, "", $3); print $3 }' | sort -u >"$WORK/exported"
sed -n 's/^[[:space:]]*\(vireo_[a-z0-9_]*\);.*/\1/p' "$TOP/lib/vireo.map" | sort >"$WORK/map"

for header in "$TOP"/include/vireo/*.h; do
	echo "#include <vireo/$(basename "$header")>"
done >"$WORK/all.c"
gcc -fsyntax-only -I "$TOP/include" -aux-info "$WORK/prototypes" "$WORK/all.c"
# -aux-info names each function with its file; inline functions are static there and need no export.
grep "include/vireo/" "$WORK/prototypes" | grep -v ' static ' | grep -oE 'vireo_[a-z0-9_]+ \(' | tr -d ' (' |
	sort -u >"$WORK/declared"

[ -s "$WORK/map" ] && [ -s "$WORK/declared" ]
[ -z "$(uniq -d "$WORK/map")" ] || { echo "named twice in lib/vireo.map: $(uniq -d "$WORK/map")"; exit 1; }
echo "exported by the library (<) against lib/vireo.map (>):"
diff "$WORK/exported" "$WORK/map"
echo "declared in the headers (<) against lib/vireo.map (>):"
diff "$WORK/declared" "$WORK/map"
echo "$(wc -l <"$WORK/map") functions, three times the same"
