"""``guests/ARCH.toml``: which devices are looked at through the eyes of a guest."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import field

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.model.guest import GuestBoard, GuestCpus, GuestDevice, GuestDevices, label
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    arch: str
    board: tuple[GuestBoard, ...] = ()
    device: tuple[GuestDevice, ...] = ()
    cpu: GuestCpus = field(factory=lambda: GuestCpus(accelerator="tcg"))

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        labels: set[str] = set()
        for index, device in enumerate(self.device):
            name = label(device)
            if name in labels:
                yield ("device", index, "driver"), f"'{name}' stands twice; give one a backend"
            labels.add(name)


def merged(reader: Reader, arch: str) -> GuestDevices:
    """Return which devices are looked at in a machine of *arch*."""
    document, file = reader.one(Document, f"devices looked at on {arch}", "guests", arch)
    reader.same_name(file, ("arch",), arch, document.arch)
    return GuestDevices(arch=arch, board=document.board, device=document.device, cpu=document.cpu)
