/*
 * Makes the tap driver and the KVM of this host look like those of an older Linux kernel, to one
 * process.
 *
 * QEMU learns by asking what a host can do: it calls ioctl() with what it would like to have, and
 * takes EINVAL, 0 or a missing bit for "this kernel does not know it". Those answers decide which
 * features a guest is offered. This library stands in front of ioctl() and gives the answers that
 * an older kernel would give. Every other ioctl goes to the real kernel.
 *
 *   cc -shared -fPIC -O2 -o old_kernel.so old_kernel.c
 *   LD_PRELOAD=./old_kernel.so OLD_KERNEL_TUN_MASK=0x1e0 qemu-system-x86_64 ...
 *
 * OLD_KERNEL_TUN_MASK, hexadecimal with or without 0x, holds the TUN_F_* bits that TUNSETOFFLOAD
 * refuses with EINVAL (net/tap-linux.c, tap_probe_has_uso and its siblings):
 *
 *   0x1e0   Linux 5.14 (any before 6.2): no USO4 0x20, no USO6 0x40, and nothing newer
 *   0x180   Linux 6.9 (6.2 to 6.16): USO, but no UDP_TUNNEL_GSO 0x80, no UDP_TUNNEL_GSO_CSUM 0x100
 *
 * OLD_KERNEL_NO_VNET_HDR=1 takes away the vnet header, as before Linux 2.6.27: TUNGETFEATURES
 * answers without IFF_VNET_HDR, which is where QEMU looks (net/tap-linux.c, tap_open), and
 * TUNSETIFF refuses it with EINVAL.
 *
 * OLD_KERNEL_KVM_PV_MASK, hexadecimal as well, holds the bits that KVM_GET_SUPPORTED_CPUID lacks in
 * EAX of leaf 0x40000001, the paravirtual features (asm/kvm_para.h):
 *
 *   0x4000  Linux 5.7: no KVM_FEATURE_ASYNC_PF_INT
 *
 * OLD_KERNEL_KVM_CAPS, decimal numbers with commas between them, holds the KVM_CAP_* that
 * KVM_CHECK_EXTENSION answers with 0 and KVM_ENABLE_CAP refuses with EINVAL (linux/kvm.h):
 *
 *   121     Linux 4.3: no KVM_CAP_SPLIT_IRQCHIP
 *
 * Unset, empty or not a number: nothing is hidden. What the real kernel refuses stays refused: a
 * host can be made to look older, never newer.
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

/* Requests and layouts of linux/if_tun.h, linux/if.h and linux/kvm.h: spelled out, to need no kernel
 * headers, whose newest constants an older machine lacks. */
#define TUNSETIFF 0x400454caUL
#define TUNGETFEATURES 0x800454cfUL
#define TUNSETOFFLOAD 0x400454d0UL
#define IFF_VNET_HDR 0x4000u
#define KVM_CHECK_EXTENSION 0xae03UL
#define KVM_GET_SUPPORTED_CPUID 0xc008ae05UL
#define KVM_ENABLE_CAP 0x4068aea3UL
#define KVM_CPUID_FEATURES 0x40000001u

struct tap_request { /* struct ifreq, as far as TUNSETIFF reads it */
    char name[16];
    unsigned short flags;
};

struct cpuid { /* struct kvm_cpuid2 */
    unsigned int count;
    unsigned int padding;
    struct {
        unsigned int function, index, flags, eax, ebx, ecx, edx, padding[3];
    } entries[];
};

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

/* The bits that a variable of the environment holds. */
static unsigned long hidden_bits(const char *variable)
{
    const char *text = getenv(variable);
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

static int hides_vnet_hdr(void)
{
    const char *text = getenv("OLD_KERNEL_NO_VNET_HDR");

    return text && text[0] == '1' && !text[1];
}

/* Whether a KVM_CAP_* is among those that are hidden. */
static int hides_cap(unsigned long cap)
{
    const char *text = getenv("OLD_KERNEL_KVM_CAPS");

    while (text && *text) {
        unsigned long number = 0;
        int digits = 0;

        for (; *text >= '0' && *text <= '9'; text++, digits++)
            number = number * 10 + (unsigned long)(*text - '0');
        if (*text && *text != ',')
            return 0;
        if (digits && number == cap)
            return 1;
        if (*text)
            text++;
    }
    return 0;
}

static int refuse(void)
{
    errno = EINVAL;
    return -1;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    unsigned long argument;
    unsigned long hidden;
    struct cpuid *cpuid;
    unsigned int entry;
    int result;

    /* Whether there is a third argument depends on the request; reading one that is not there
     * yields a value that the kernel ignores, as it does for the C library's own ioctl(). */
    va_start(arguments, request);
    argument = va_arg(arguments, unsigned long);
    va_end(arguments);

    /* The kernel looks at 32 bits of the request; a caller's int may have had its sign extended.
     * An argument that is NULL, or that the kernel did not take, is the real kernel's business. */
    request &= 0xffffffffUL;
    if (request == TUNSETOFFLOAD && (argument & hidden_bits("OLD_KERNEL_TUN_MASK")))
        return refuse();
    if (request == TUNSETIFF && argument && hides_vnet_hdr() &&
        (((struct tap_request *)argument)->flags & IFF_VNET_HDR))
        return refuse();
    if (request == KVM_CHECK_EXTENSION && hides_cap(argument))
        return 0;
    if (request == KVM_ENABLE_CAP && argument && hides_cap(*(unsigned int *)argument))
        return refuse();

    /* Straight to the kernel: finding the hidden ioctl() would take dlsym(), and a newer glibc. */
    result = (int)syscall(SYS_ioctl, fd, request, argument);

    if (request == TUNGETFEATURES && result == 0 && hides_vnet_hdr())
        *(unsigned int *)argument &= ~IFF_VNET_HDR;
    if (request == KVM_GET_SUPPORTED_CPUID && result == 0) {
        hidden = hidden_bits("OLD_KERNEL_KVM_PV_MASK");
        cpuid = (struct cpuid *)argument;
        for (entry = 0; hidden && entry < cpuid->count; entry++)
            if (cpuid->entries[entry].function == KVM_CPUID_FEATURES)
                cpuid->entries[entry].eax &= ~(unsigned int)hidden;
    }
    return result;
}
