"""The command line of a QEMU, with the platform in it."""
