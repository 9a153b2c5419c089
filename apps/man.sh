#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# man.sh SCDOC EXIT-STATUS SOURCE: a man page on stdout, with the table of exit codes that all apps share.
set -e
while IFS= read -r line; do
	case $line in
	@EXIT_STATUS@) grep -v '^; ' "$2" ;;
	*) printf '%s\n' "$line" ;;
	esac
done <"$3" | "$1"
