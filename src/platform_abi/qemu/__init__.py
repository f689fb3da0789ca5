"""A QEMU process that is started to be asked: the program, its monitor, its guest's memory."""
