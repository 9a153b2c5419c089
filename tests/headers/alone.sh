# SPDX-License-Identifier: BSD-2-Clause
# A public header compiles by itself, twice in a row, in C or C++, with no warning: alone.sh c|c++ HEADER
language=$1
header=$2

printf '#include <vireo/%s>\n#include <vireo/%s>\n' "$header" "$header" >"$WORK/alone"
case $language in
c) compilers=("gcc -std=gnu11" "gcc -std=c11") ;;
c++) compilers=("g++ -std=c++11" "g++ -std=c++20") ;;
esac
for compiler in "${compilers[@]}"; do
	echo "$compiler"
	$compiler -x "$language" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$TOP/include" "$WORK/alone"
done
