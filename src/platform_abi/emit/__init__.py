"""A guest ABI written out: QEMU arguments, libvirt's XML, -readconfig, JSON, a lockfile."""
