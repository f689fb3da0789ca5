"""The machine through a guest's eyes: PCI functions, virtio devices, CPUs of a paused QEMU."""
