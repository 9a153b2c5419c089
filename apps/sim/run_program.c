// SPDX-License-Identifier: BSD-2-Clause
/*
 * What can be run: calls are caught on their way into the C library, so that there must be one, and the program must go
 * through it.
 */
#include "run_program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vireo/log.h>

#define MAX_SCRIPTS 4 /* an interpreter may be a script */
#define LOADER	    "ld-linux-x86-64.so.2"

struct image {
	const char *path;
	const uint8_t *data;
	size_t size;
};

int run_program_find(const char *name, char path[PATH_MAX])
{
	const char *list = getenv("PATH");
	size_t n;

	if (strchr(name, '/')) {
		if (access(name, X_OK) == 0 && snprintf(path, PATH_MAX, "%s", name) < PATH_MAX)
			return 0;
		return vireo_error(-ENOENT, "cannot run %s: %s", name, strerror(errno));
	}
	for (list = list ? list : "/usr/bin:/bin"; *list; list += n + (list[n] == ':')) {
		struct stat st;

		n = strcspn(list, ":");
		if (snprintf(path, PATH_MAX, "%.*s/%s", n ? (int)n : 1, n ? list : ".", name) >= PATH_MAX)
			continue;
		if (access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode))
			return 0;
	}
	return vireo_error(-ENOENT, "there is no program called %s in PATH", name);
}

/* Programs that get rights when they start ignore what is put in front of them. */
static int check_rights(const char *path, const struct stat *st)
{
	bool uid = st->st_mode & S_ISUID && st->st_uid != geteuid();
	bool gid = st->st_mode & S_ISGID && st->st_gid != getegid();

	if (uid || gid)
		return vireo_error(
			-EOPNOTSUPP,
			"%s runs with the rights of its owner (set-%s-ID); nothing can be put in front of it: "
			"run a copy of it that belongs to you",
			path, uid ? "user" : "group");
	if (geteuid() && getxattr(path, "security.capability", NULL, 0) > 0)
		return vireo_error(
			-EOPNOTSUPP,
			"%s gets capabilities when it starts (getcap shows them); nothing can be put in front of "
			"it: run a copy of it",
			path);
	return 0;
}

/* @count things of @size bytes at @offset, all inside the file; or NULL. */
static const void *part(const struct image *i, uint64_t offset, uint64_t size, uint64_t count)
{
	if (offset > i->size || (count && size > (i->size - offset) / count) || offset % 8)
		return NULL;
	return i->data + offset;
}

static const Elf64_Ehdr *elf_header(const struct image *i)
{
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)i->data;

	if (i->size < sizeof(*head) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
	    head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_machine != EM_X86_64)
		return NULL;
	return head;
}

/* The name of the loader that the program asks for, or NULL. */
static const char *find_loader(const struct image *i, const Elf64_Phdr *segments, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		uint64_t offset = segments[k].p_offset, size = segments[k].p_filesz;

		if (segments[k].p_type != PT_INTERP || offset > i->size || size > i->size - offset || !size)
			continue;
		return i->data[offset + size - 1] ? NULL : (const char *)i->data + offset;
	}
	return NULL;
}

/* MOV EAX with the number of a system call that VFIO needs, and SYSCALL soon after it. */
static bool is_raw_call(const uint8_t *code, size_t n)
{
	static const uint32_t numbers[] = {SYS_open, SYS_openat, SYS_ioctl, SYS_mmap};
	uint32_t number;

	if (n < 7 || code[0] != 0xb8)
		return false;
	memcpy(&number, code + 1, 4);
	for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
		if (number == numbers[k])
			return memmem(code + 5, n < 37 ? n - 5 : 32, "\x0f\x05", 2);
	return false;
}

static bool has_raw_calls(const struct image *i, const Elf64_Phdr *segments, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		uint64_t offset = segments[k].p_offset, size = segments[k].p_filesz;

		if (segments[k].p_type != PT_LOAD || !(segments[k].p_flags & PF_X) || offset > i->size ||
		    size > i->size - offset)
			continue;
		for (uint64_t at = 0; at < size; at++)
			if (is_raw_call(i->data + offset + at, size - at))
				return true;
	}
	return false;
}

/* The Go compiler's programs bring their own way into the kernel along. */
static bool is_go(const struct image *i, const Elf64_Ehdr *head)
{
	const Elf64_Shdr *sections = part(i, head->e_shoff, sizeof(*sections), head->e_shnum);
	const Elf64_Shdr *names;

	if (!sections || head->e_shstrndx >= head->e_shnum)
		return false;
	names = &sections[head->e_shstrndx];
	if (names->sh_offset > i->size || names->sh_size > i->size - names->sh_offset)
		return false;
	return memmem(i->data + names->sh_offset, names->sh_size, ".go.buildinfo", 13);
}

static int check_elf(const struct image *i)
{
	const Elf64_Ehdr *head = elf_header(i);
	const Elf64_Phdr *segments = head ? part(i, head->e_phoff, sizeof(*segments), head->e_phnum) : NULL;
	const char *loader, *slash;

	if (!segments)
		return vireo_error(-EOPNOTSUPP, "%s is no program for x86-64", i->path);
	loader = find_loader(i, segments, head->e_phnum);
	if (!loader)
		return vireo_error(
			-EOPNOTSUPP,
			"%s is linked statically; only a program that uses the C library's shared object can be "
			"given a simulated card",
			i->path);
	slash = strrchr(loader, '/');
	if (strcmp(slash ? slash + 1 : loader, LOADER) != 0)
		return vireo_error(-EOPNOTSUPP, "%s is loaded by %s and not by the GNU C library's " LOADER, i->path,
				   loader);
	if (is_go(i, head))
		return vireo_error(-EOPNOTSUPP, "%s is a Go program, which makes system calls past the C library",
				   i->path);
	if (has_raw_calls(i, segments, head->e_phnum))
		return vireo_error(
			-EOPNOTSUPP,
			"%s makes raw system calls (open, ioctl or mmap past the C library), which cannot be "
			"answered for a simulated card",
			i->path);
	return 0;
}

/* The program that a script names in its first line. False: it is no script. */
static bool find_interpreter(const struct image *i, char path[PATH_MAX])
{
	const char *text = (const char *)i->data, *end;
	size_t n;

	if (i->size < 3 || memcmp(text, "#!", 2) != 0)
		return false;
	end = memchr(text, '\n', i->size);
	n = end ? (size_t)(end - text) : i->size;
	for (text += 2, n -= 2; n && (*text == ' ' || *text == '\t'); n--)
		text++;
	for (end = text; n && *end != ' ' && *end != '\t'; n--)
		end++;
	return end > text && snprintf(path, PATH_MAX, "%.*s", (int)(end - text), text) < PATH_MAX;
}

static int check(const char *path, unsigned depth)
{
	struct image i = {.path = path};
	char interpreter[PATH_MAX];
	struct stat st;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0) {
		if (fd >= 0)
			close(fd);
		return vireo_error(-EOPNOTSUPP, "cannot look into %s, so it cannot be told whether it can run here",
				   path);
	}
	i.size = (size_t)st.st_size;
	i.data = mmap(NULL, i.size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (i.data == MAP_FAILED)
		return vireo_error(-errno, "cannot read %s: %s", path, strerror(errno));
	if (find_interpreter(&i, interpreter))
		err = depth < MAX_SCRIPTS ? check(interpreter, depth + 1)
					  : vireo_error(-EOPNOTSUPP, "%s is a script of a script of a script", path);
	else
		err = check_elf(&i);
	munmap((void *)(uintptr_t)i.data, i.size);
	return err ? err : check_rights(path, &st);
}

int run_program_check(const char *path)
{
	return check(path, 0);
}
