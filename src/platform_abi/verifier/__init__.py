"""A running or paused QEMU, held against its lockfile."""
