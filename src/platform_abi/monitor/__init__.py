"""The QMP server in front of QEMU's, which answers for platforms as well."""
