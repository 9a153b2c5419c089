// SPDX-License-Identifier: BSD-2-Clause
#include <vireo/version.h>

#define STRING(x)  #x
#define DOTTED(a, b, c) STRING(a) "." STRING(b) "." STRING(c)

const char *vireo_version(void)
{
	return DOTTED(VIREO_VERSION_MAJOR, VIREO_VERSION_MINOR, VIREO_VERSION_PATCH);
}
