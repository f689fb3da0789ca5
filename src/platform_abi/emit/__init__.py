"""A guest ABI written out: QEMU arguments, a shell line, -readconfig, JSON, a lockfile."""
