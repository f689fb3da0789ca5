/*
 * Makes the tap driver of this host look like that of an older Linux kernel, to one process.
 *
 * QEMU learns what a tap device can offload by asking: it calls ioctl(fd, TUNSETOFFLOAD, bits) with
 * the bits in question and takes EINVAL for "this kernel does not know them" (net/tap-linux.c,
 * tap_probe_has_uso and its siblings). That answer decides which features virtio-net offers to a
 * guest. This library stands in front of ioctl() and gives the answer that an older kernel would
 * give. Every other ioctl, and every TUNSETOFFLOAD without such a bit, goes to the real kernel.
 *
 *   cc -shared -fPIC -O2 -o old_kernel.so old_kernel.c
 *   LD_PRELOAD=./old_kernel.so OLD_KERNEL_TUN_MASK=0x1e0 qemu-system-x86_64 ...
 *
 * OLD_KERNEL_TUN_MASK, hexadecimal with or without 0x, holds the TUN_F_* bits that are refused:
 *
 *   0x1e0   Linux 5.14 (any before 6.2): no USO4 0x20, no USO6 0x40, and nothing newer
 *   0x180   Linux 6.9 (6.2 to 6.16): USO, but no UDP_TUNNEL_GSO 0x80, no UDP_TUNNEL_GSO_CSUM 0x100
 *
 * Unset, empty or not a number: nothing is refused. A bit that the real kernel refuses stays
 * refused: a host can be made to look older, never newer.
 *
 * The library uses nothing of the C library that came after glibc 2.2.5, so that one file, compiled
 * anywhere, loads into QEMUs that bring their own, older or newer, glibc. Hence the hand-made
 * parsing: strtoul() compiled on glibc 2.38 or later asks for a symbol that earlier ones lack.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* _IOW('T', 208, unsigned int), from linux/if_tun.h: spelled out, to need no kernel headers. */
#define TUNSETOFFLOAD 0x400454d0UL

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static unsigned long refused_bits(void)
{
    const char *text = getenv("OLD_KERNEL_TUN_MASK");
    unsigned long bits = 0;

    if (!text)
        return 0;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    for (; *text; text++) {
        int digit = hex_digit(*text);

        if (digit < 0)
            return 0;
        bits = bits << 4 | (unsigned long)digit;
    }
    return bits;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    unsigned long argument;

    /* Whether there is a third argument depends on the request; reading one that is not there
     * yields a value that the kernel ignores, as it does for the C library's own ioctl(). */
    va_start(arguments, request);
    argument = va_arg(arguments, unsigned long);
    va_end(arguments);

    /* The kernel looks at 32 bits of the request; a caller's int may have had its sign extended. */
    if ((request & 0xffffffffUL) == TUNSETOFFLOAD && (argument & refused_bits())) {
        errno = EINVAL;
        return -1;
    }
    /* Straight to the kernel: finding the hidden ioctl() would take dlsym(), and a newer glibc. */
    return (int)syscall(SYS_ioctl, fd, request, argument);
}
