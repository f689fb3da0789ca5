/*
 * Writes down the compat properties of every machine type while QEMU builds its machine classes.
 *
 * Preload it into any qemu-system-* that links glib dynamically. Two functions of QEMU's
 * hw/core/machine.c and hw/core/qdev-properties.c are observed through the glib calls they make,
 * in this order for each machine class, unchanged since QEMU 4.0:
 *
 *     machine_class_base_init():  mc->name = g_strndup(cname, strlen(cname) - strlen("-machine"));
 *                                 mc->compat_props = g_ptr_array_new();
 *     compat_props_add():         g_ptr_array_add(mc->compat_props, GlobalProperty *);
 *
 * The file named by COMPAT_TRACE receives one line for each call that matters, fields separated
 * by US (0x1f):
 *
 *     machine US name
 *     compat US name US driver US property US value US optional     (optional: 0 or 1)
 *
 * Without COMPAT_TRACE nothing is observed, so that preloading it into a shell is harmless.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * glibc 2.34 gave dlsym a new version, that an older one has not: a QEMU in a root of its own may have
 * one, as 5.2 in Debian 11 has. The one before is the first that the architecture's glibc had.
 */
#if defined(__GLIBC__)
#if defined(__x86_64__)
#define FIRST_DLSYM "GLIBC_2.2.5"
#elif defined(__aarch64__) || (defined(__powerpc64__) && defined(__LITTLE_ENDIAN__))
#define FIRST_DLSYM "GLIBC_2.17"
#elif defined(__s390x__)
#define FIRST_DLSYM "GLIBC_2.2"
#elif defined(__riscv)
#define FIRST_DLSYM "GLIBC_2.27"
#endif
#endif
#ifdef FIRST_DLSYM
__asm__(".symver dlsym,dlsym@" FIRST_DLSYM);
#endif

/* include/hw/qdev-core.h of QEMU: GlobalProperty. */
struct global_property {
    const char *driver;
    const char *property;
    const char *value;
    bool used;
    bool optional;
};

struct traced_array {
    void *array;
    const char *machine;
};

enum { MAX_MACHINES = 4096 };

static const char machine_suffix[] = "-machine";
static struct traced_array traced[MAX_MACHINES];
static size_t traced_count;
static FILE *trace;
static const char *module_dir;

/* Class initialisation runs in one thread; other threads call g_strndup for their own reasons. */
static __thread char *last_machine;

__attribute__((constructor)) static void open_trace(void)
{
    const char *path = getenv("COMPAT_TRACE");

    if (!path) {
        return;
    }
    module_dir = getenv("QEMU_MODULE_DIR");
    /* However the importer ends, this process ends with it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    trace = fopen(path, "ae");
    if (!trace) {
        perror(path);
        _exit(1);
    }
    setvbuf(trace, NULL, _IOLBF, 0);
}

static void *next_symbol(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    if (!symbol) {
        fprintf(stderr, "compat_trace: %s is not to be found\n", name);
        _exit(1);
    }
    return symbol;
}

char *g_strndup(const char *text, size_t length)
{
    static char *(*real)(const char *, size_t);
    char *copy;

    if (!real) {
        real = next_symbol("g_strndup");
    }
    copy = real(text, length);
    last_machine = NULL;
    if (trace && text && strnlen(text, length) == length &&
        strcmp(text + length, machine_suffix) == 0) {
        last_machine = copy;
    }
    return copy;
}

void *g_ptr_array_new(void)
{
    static void *(*real)(void);
    void *array;

    if (!real) {
        real = next_symbol("g_ptr_array_new");
    }
    array = real();
    if (last_machine) {
        if (traced_count == MAX_MACHINES) {
            fprintf(stderr, "compat_trace: more than %d machine types\n", MAX_MACHINES);
            _exit(1);
        }
        traced[traced_count].array = array;
        /* mc->name lives as long as the process. */
        traced[traced_count].machine = last_machine;
        traced_count++;
        fprintf(trace, "machine\x1f%s\n", last_machine);
        last_machine = NULL;
    }
    return array;
}

void g_ptr_array_add(void *array, void *data)
{
    static void (*real)(void *, void *);
    const struct global_property *entry = data;
    size_t i;

    if (!real) {
        real = next_symbol("g_ptr_array_add");
    }
    /* Newest first: entries are added right after their array was made. */
    for (i = traced_count; i-- > 0;) {
        if (traced[i].array == array) {
            fprintf(trace, "compat\x1f%s\x1f%s\x1f%s\x1f%s\x1f%d\n", traced[i].machine,
                    entry->driver, entry->property, entry->value, entry->optional);
            break;
        }
    }
    real(array, data);
}

/*
 * Hides modules outside QEMU_MODULE_DIR where that is set.
 *
 * QEMU goes on to the built-in directory for a module that the first one lacks. If another
 * build's modules are there, loading one aborts the process (util/module.c, dso_init_list).
 */
int access(const char *path, int mode)
{
    static int (*real)(const char *, int);
    const char *name;

    if (!real) {
        real = next_symbol("access");
    }
    if (module_dir && mode == F_OK) {
        size_t length = strlen(path);

        name = strrchr(path, '/');
        if (name && length > 3 && strcmp(path + length - 3, ".so") == 0 &&
            ((size_t)(name - path) != strlen(module_dir) ||
             strncmp(path, module_dir, (size_t)(name - path)) != 0)) {
            errno = ENOENT;
            return -1;
        }
    }
    return real(path, mode);
}
