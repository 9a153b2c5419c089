# SPDX-License-Identifier: BSD-2-Clause
# Arrows point one way: with the flags that apps are built with, the public headers compile and no other header of the
# library does; with those of the library, no driver's does; with those of a driver, no other driver's does; with those of
# the simulator, none of the library's does.
database=$BUILD_PLAIN/compile_commands.json

# flags_for FOLDER: the -I flags of a source right in it; empty when nothing there is built.
flags_for()
{
	jq -r --arg source "\\.\\./$1/[^/]+\$" 'map(select(.file | test($source)))[0] // empty |
		.directory as $d | .command | [match("-I ?([^ ]+)"; "g").captures[0].string | "-I" + $d + "/" + .] | join(" ")' "$database"
}

# compiles FOLDER HEADER
compiles()
{
	printf '#include %s\n' "$2" >"$WORK/include.c"
	# shellcheck disable=SC2046 # a list of flags
	gcc -std=gnu11 -D_GNU_SOURCE -fsyntax-only $(flags_for "$1") "$WORK/include.c" 2>"$WORK/errors"
}

must()
{
	compiles "$1" "$2" || { echo "$1 cannot include $2:"; cat "$WORK/errors"; exit 1; }
	echo "$1 may include $2"
}

must_not()
{
	! compiles "$1" "$2" || { echo "$1 can include $2, and must not"; exit 1; }
	grep -q "No such file" "$WORK/errors" || { cat "$WORK/errors"; exit 1; }
	echo "$1 cannot include $2"
}

must lib '<vireo/driver.h>'
must lib '"bus.h"'
for folder in "$TOP"/apps/*/; do
	app=apps/$(basename "$folder")
	[ -n "$(flags_for "$app")" ] || continue
	must "$app" '<vireo/vireo.h>'
	for header in "$TOP"/lib/*.h; do
		# Of a name that both have, vireo-sim sees the simulator's.
		[ "$app" = apps/sim ] && [ -e "$TOP/sim/$(basename "$header")" ] || must_not "$app" "\"$(basename "$header")\""
	done
	if [ "$app" = apps/sim ]; then
		must "$app" '<sim_port.h>'
	else
		must_not "$app" '<sim_port.h>'
	fi
done
for folder in "$TOP"/drivers/*/; do
	driver=drivers/$(basename "$folder")
	[ -n "$(flags_for "$driver")" ] || continue
	must "$driver" '"io.h"'
	for header in "$folder"*.h; do
		must_not lib "\"$(basename "$header")\""
	done
	for header in "$TOP"/drivers/*/*.h; do
		[ "$(dirname "$header")" = "${folder%/}" ] || must_not "$driver" "\"$(basename "$header")\""
	done
done

must sim '"device.h"'
must sim '"vfio_user_proto.h"'
must_not sim '<vireo/device.h>'
must_not lib '<sim_port.h>'
for header in "$TOP"/lib/*.h "$TOP"/lib/bus/*.h; do
	# Of a name that both have, each sees its own.
	[ -e "$TOP/sim/$(basename "$header")" ] || must_not sim "\"$(basename "$header")\""
done
