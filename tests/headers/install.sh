# SPDX-License-Identifier: BSD-2-Clause
# "meson install" gives everything that it should, and programs outside the tree build against it.
DESTDIR=$WORK/root meson install -C "$BUILD_PLAIN" --no-rebuild --quiet
cd "$WORK/root/usr"
for file in lib/x86_64-linux-gnu/libvireo.so lib/x86_64-linux-gnu/pkgconfig/vireo.pc bin/vireo-pktgen bin/vireo-fwd \
	lib/x86_64-linux-gnu/vireo/vireo-preload.so bin/vireo-sim bin/vireo-bind \
	share/man/man1/vireo-pktgen.1 share/man/man1/vireo-fwd.1 share/man/man8/vireo-bind.8; do
	[ -e "$file" ] || [ -e "$file.gz" ] || { echo "not installed: $file"; exit 1; }
done
for header in "$TOP"/include/vireo/*.h; do
	cmp "$header" "include/vireo/$(basename "$header")"
done

cp -r "$TOP/examples" "$WORK/examples"
export PKG_CONFIG_SYSROOT_DIR=$WORK/root PKG_CONFIG_PATH=$WORK/root/usr/lib/x86_64-linux-gnu/pkgconfig
make -C "$WORK/examples" CFLAGS="-O2 -Wall -Wextra -Werror"
cd "$WORK/examples"
for source in *.c; do
	[ -x "${source%.c}" ] || { echo "not built: ${source%.c}"; exit 1; }
	LD_LIBRARY_PATH=$WORK/root/usr/lib/x86_64-linux-gnu ldd "${source%.c}" | grep -q "$WORK/root/.*libvireo.so.0"
done

# A driver outside the tree needs nothing but the installed headers and what the library exports.
gcc -O2 -Wall -Wextra -Werror -o "$WORK/outside_driver" "$TOP/tests/headers/outside_driver.c" $(pkg-config --cflags --libs vireo)
LD_LIBRARY_PATH=$WORK/root/usr/lib/x86_64-linux-gnu "$WORK/outside_driver"
