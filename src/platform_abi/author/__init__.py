"""For those who write definitions: what a QEMU binary says, as definition files."""
