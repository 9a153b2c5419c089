// SPDX-License-Identifier: BSD-2-Clause
/* Plays the inputs that are kept, without a fuzzer: what was found once stays mended, and any compiler will do. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_SIZE 65536

static int play(const char *path)
{
	static uint8_t buf[INPUT_SIZE];
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	size_t size;

	if (!file) {
		perror(path);
		return 1;
	}
	size = fread(buf, 1, sizeof(buf), file);
	fclose(file);
	/* Of its own size, so that the sanitizer sees a step beyond the end. */
	data = malloc(size ? size : 1);
	if (!data)
		return 1;
	memcpy(data, buf, size);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	if (argc != 2 || !(dir = opendir(argv[1]))) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(dir))) {
		char path[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (play(path))
			return 1;
		n++;
	}
	closedir(dir);
	printf("%u inputs\n", n);
	return n == 0;
}
