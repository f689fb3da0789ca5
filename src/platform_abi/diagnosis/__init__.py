"""What QEMU's words about a failed migration mean, and what would have helped."""
