# SPDX-License-Identifier: BSD-2-Clause
# version.h, meson.build, the pkg-config file, the running library and the one for DKMS agree.
field()
{
	sed -n "s/^#define VIREO_VERSION_$1 *//p" "$TOP/include/vireo/version.h"
}

header=$(field MAJOR).$(field MINOR).$(field PATCH)
build=$(meson introspect --projectinfo "$BUILD_PLAIN" | jq -r .version)
pkgconfig=$(PKG_CONFIG_PATH=$BUILD_PLAIN/meson-private pkg-config --modversion vireo)
cat >"$WORK/version.c" <<-C
	#include <stdio.h>
	#include <vireo/version.h>
	int main(void) { return puts(vireo_version()) < 0; }
C
gcc -I "$TOP/include" -o "$WORK/version" "$WORK/version.c" -L "$BUILD_PLAIN/lib/link" -lvireo
library=$(LD_LIBRARY_PATH=$BUILD_PLAIN/lib/link "$WORK/version")
dkms=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$TOP/kvfio/dkms.conf")
echo "header $header, meson.build $build, vireo.pc $pkgconfig, library $library, dkms.conf $dkms"
[ "$header" = "$dkms" ] && [ "$header" = "$build" ] && [ "$header" = "$pkgconfig" ] && [ "$header" = "$library" ]
