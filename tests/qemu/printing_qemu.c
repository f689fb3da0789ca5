/* A QEMU that is a program itself: it prints what it is, or stands up and is asked over QMP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "9.1.0"
#endif

int main(int argc, char **argv)
{
    char line[4096], *name = NULL;
    int i;

    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--version")) {
            puts("QEMU emulator version " VERSION " (own-" VERSION ")");
            return 0;
        }
        if (!strcmp(argv[i], "help")) {
            puts("Available netdev backend types:\nsocket\ntap");
            return 0;
        }
        if ((name = strstr(argv[i], "process="))) {
            prctl(PR_SET_NAME, name + strlen("process="));
        }
    }
#ifdef STARTS
    if (getenv("STARTED") == NULL) {
        setenv("STARTED", "1", 1);
        execv(STARTS, argv);
    }
#endif
    puts("{\"QMP\": {}}");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        puts("{\"return\": {}}");
        fflush(stdout);
    }
    return 0;
}
