/*
 * Stands in front of open() and ioctl(), and answers for a KVM of another architecture.
 *
 *   cc -shared -fPIC -O2 -o recorded_ioctl.so recorded_ioctl.c
 *   RECORDED_IOCTL=replies.txt LD_PRELOAD=./recorded_ioctl.so program
 *
 * RECORDED_MACHINE is what uname() calls the machine, and a file below the folder RECORDED_ROOT is
 * opened in place of the one of that name. RECORDED_PAGE_SIZE is what sysconf() says of pages.
 *
 * /dev/kvm is opened as /dev/null. A line of the file is one request and its answer:
 *
 *   REQUEST ARGUMENT RESULT WRITES...
 *
 *   REQUEST    the number in hexadecimal, as ioctl() gets it
 *   ARGUMENT   =N: the argument is that number; *: whatever it is; or the bytes behind the pointer in hexadecimal, exactly
 *              as many as the request's number says (_IOC_SIZE), ".." for any byte
 *   RESULT     what ioctl() returns, -N for errno N, or "fd" for a new descriptor
 *   WRITES     +OFFSET:BYTES into what the pointer points to, or @OFFSET:BYTES into what the pointer
 *              of 64 bits there points to
 *
 * The first line that fits answers. A request that no line is about is ENOTTY, and is added to the file
 * RECORDED_IOCTL names with ".unknown" behind it: number, and the argument's bytes.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* POWER has three bits for the direction, and one less for the size. */
static size_t size_of(unsigned long request)
{
    const char *machine = getenv("RECORDED_MACHINE");

    return request >> 16 & (machine && !strncmp(machine, "ppc", 3) ? 0x1fff : 0x3fff);
}

static int byte(const char *text, unsigned char *found)
{
    return sscanf(text, "%2hhx", found) == 1;
}

/* Whether the argument is what a line says. */
static int fits(const char *wanted, unsigned long request, void *argument)
{
    const unsigned char *bytes = argument;
    size_t size = size_of(request);

    if (wanted[0] == '*')
        return 1;
    if (wanted[0] == '=')
        return (unsigned long)argument == strtoul(wanted + 1, NULL, 0);
    if (!size || strlen(wanted) != 2 * size)
        return 0;
    for (size_t at = 0; at < size; at++) {
        unsigned char expected;

        if (wanted[2 * at] == '.')
            continue;
        if (!byte(wanted + 2 * at, &expected) || expected != bytes[at])
            return 0;
    }
    return 1;
}

static void write_to(const char *text, void *argument)
{
    char *rest;
    unsigned long offset = strtoul(text + 1, &rest, 0);
    unsigned char *to = (unsigned char *)argument + offset;

    if (text[0] == '@') {
        uint64_t pointer;

        memcpy(&pointer, to, sizeof pointer);
        to = (unsigned char *)(uintptr_t)pointer;
    }
    for (rest++; rest[0] && rest[1]; rest += 2)
        byte(rest, to++);
}

static int answer(char *line, unsigned long request, void *argument, int *result)
{
    char *rest = NULL, *word = strtok_r(line, " \n", &rest);

    if (!word || word[0] == '#' || strtoul(word, NULL, 16) != request)
        return 0;
    word = strtok_r(NULL, " \n", &rest);
    if (!word || !fits(word, request, argument))
        return 0;
    word = strtok_r(NULL, " \n", &rest);
    *result = !word ? -EINVAL : strcmp(word, "fd") ? atoi(word) : open("/dev/null", O_RDWR);
    while ((word = strtok_r(NULL, " \n", &rest)))
        write_to(word, argument);
    return 1;
}

static void unknown(const char *path, unsigned long request, void *argument)
{
    char name[4096];
    FILE *file;

    snprintf(name, sizeof name, "%s.unknown", path);
    file = fopen(name, "a");
    if (!file)
        return;
    fprintf(file, "%lx ", request);
    if (!size_of(request))
        fprintf(file, "=%lu", (unsigned long)argument);
    for (size_t at = 0; at < size_of(request); at++)
        fprintf(file, "%02x", ((unsigned char *)argument)[at]);
    fprintf(file, "\n");
    fclose(file);
}

int ioctl(int descriptor, unsigned long request, ...)
{
    const char *path = getenv("RECORDED_IOCTL");
    static char line[65536];
    va_list arguments;
    void *argument;
    FILE *file;
    int result = -ENOTTY, known = 0;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    request &= 0xffffffffUL;
    if ((request >> 8 & 0xff) != 0xae || !path || !(file = fopen(path, "r")))
        return syscall(SYS_ioctl, descriptor, request, argument);
    while (!known && fgets(line, sizeof line, file))
        known = answer(line, request, argument, &result);
    fclose(file);
    if (!known)
        unknown(path, request, argument);
    if (result >= 0)
        return result;
    errno = -result;
    return -1;
}

/* The file that stands for path, in name if it is a recorded one. */
static const char *recorded(const char *path, char *name, size_t size)
{
    const char *root = getenv("RECORDED_ROOT");

    if (!root || path[0] != '/')
        return path;
    snprintf(name, size, "%s%s", root, path);
    return syscall(SYS_faccessat, AT_FDCWD, name, F_OK) ? path : name;
}

static int opened(const char *path, int flags, int mode)
{
    char name[4096];

    if (!strcmp(path, "/dev/kvm"))
        path = "/dev/null";
    return syscall(SYS_openat, AT_FDCWD, recorded(path, name, sizeof name), flags, mode);
}

DIR *opendir(const char *path)
{
    static DIR *(*next)(const char *);
    char name[4096];

    if (!next)
        next = (DIR *(*)(const char *))dlsym(RTLD_NEXT, "opendir");
    return next(recorded(path, name, sizeof name));
}

long sysconf(int name)
{
    static long (*next)(int);
    const char *pages = getenv("RECORDED_PAGE_SIZE");

    if (pages && name == _SC_PAGESIZE)
        return atol(pages);
    if (!next)
        next = (long (*)(int))dlsym(RTLD_NEXT, "sysconf");
    return next(name);
}

int uname(struct utsname *found)
{
    const char *machine = getenv("RECORDED_MACHINE");
    int result = syscall(SYS_uname, found);

    if (!result && machine)
        snprintf(found->machine, sizeof found->machine, "%s", machine);
    return result;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    int mode;

    va_start(arguments, flags);
    mode = va_arg(arguments, int);
    va_end(arguments);
    return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    int mode;

    va_start(arguments, flags);
    mode = va_arg(arguments, int);
    va_end(arguments);
    return opened(path, flags, mode);
}
