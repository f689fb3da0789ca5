"""A running QEMU: what it really offers, and a monitor in front of it that knows platforms."""
