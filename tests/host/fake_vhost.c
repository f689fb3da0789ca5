/*
 * Stands for the kernel's vhost drivers, for one process, where a host has none.
 *
 * Opening /dev/vhost-* opens /dev/null instead. Requests of vhost's are answered as the drivers
 * answer a descriptor without an owner (drivers/vhost/net.c, vsock.c, scsi.c, vhost.c):
 *
 *   FAKE_VHOST_FEATURES   what VHOST_GET_FEATURES says, 0x...
 *   FAKE_VHOST_ARRAY      the second word of VHOST_GET_FEATURES_ARRAY; unset: a kernel before 6.17
 *   FAKE_VHOST_BACKEND    what VHOST_GET_BACKEND_FEATURES says; unset: not known
 *   FAKE_VHOST_KNOWS      1: VHOST_NEW_WORKER and VHOST_SET_FORK_FROM_OWNER are known
 *   FAKE_VHOST_HANGS      1: opening /dev/vhost-vsock never returns
 *   FAKE_VHOST_BUSY       1: opening /dev/vhost-scsi says EBUSY
 *
 * Whatever a driver does not know falls to vhost_dev_ioctl(), where an owner is asked for: EPERM.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int set(const char *name, uint64_t *value)
{
    const char *text = getenv(name);

    if (!text || !*text)
        return 0;
    *value = strtoull(text, NULL, 0);
    return 1;
}

static int opened(const char *path, int flags, mode_t mode)
{
    uint64_t yes;

    if (!strncmp(path, "/dev/vhost-", 11)) {
        if (!strcmp(path, "/dev/vhost-vsock") && set("FAKE_VHOST_HANGS", &yes))
            for (;;)
                pause();
        if (!strcmp(path, "/dev/vhost-scsi") && set("FAKE_VHOST_BUSY", &yes)) {
            errno = EBUSY;
            return -1;
        }
        path = "/dev/null";
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#define OPENS(name)                                 \
    int name(const char *path, int flags, ...)      \
    {                                               \
        va_list arguments;                          \
        mode_t mode;                                \
                                                    \
        va_start(arguments, flags);                 \
        mode = va_arg(arguments, mode_t);           \
        va_end(arguments);                          \
        return opened(path, flags, mode);           \
    }

OPENS(open)
OPENS(open64)

static int refused(int error)
{
    errno = error;
    return -1;
}

static int vhost(uint32_t request, void *argument)
{
    uint64_t word, *words = argument;

    switch (request) {
    case 0x8008af00: /* VHOST_GET_FEATURES */
        if (!set("FAKE_VHOST_FEATURES", &word))
            return refused(ENOTTY);
        *words = word;
        return 0;
    case 0x8008af26: /* VHOST_GET_BACKEND_FEATURES */
        if (!set("FAKE_VHOST_BACKEND", &word))
            break;
        *words = word;
        return 0;
    case 0x8008af83: /* VHOST_GET_FEATURES_ARRAY: as many words as the first one says */
        if (!set("FAKE_VHOST_ARRAY", &word))
            break;
        if (words[0] < 2)
            return refused(EFAULT);
        words[2] = word;
        set("FAKE_VHOST_FEATURES", &words[1]);
        return 0;
    case 0x8004af08: /* VHOST_NEW_WORKER, of a device without an owner */
        return set("FAKE_VHOST_KNOWS", &word) ? refused(EINVAL) : refused(EPERM);
    case 0x4001af84: /* VHOST_SET_FORK_FROM_OWNER: 0 or 1 */
        if (!set("FAKE_VHOST_KNOWS", &word))
            break;
        return *(uint8_t *)argument <= 1 ? 0 : refused(EINVAL);
    }
    return refused(EPERM);
}

int ioctl(int descriptor, unsigned long request, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    if ((request & 0xff00) == 0xaf00)
        return vhost((uint32_t)request, argument);
    return (int)syscall(SYS_ioctl, descriptor, request, argument);
}
