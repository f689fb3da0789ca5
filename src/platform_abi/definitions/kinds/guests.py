"""``guests/ARCH.toml``: which devices are looked at through the eyes of a guest."""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.errors import DefinitionError
from platform_abi.model.guest import GuestBoard, GuestCpus, GuestDevice, GuestDevices, label
from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    arch: str
    #: Another architecture whose devices are looked at here as well.
    devices_of: str = ""
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
    devices = document.device
    if document.devices_of:
        if not reader.files.of("guests", document.devices_of):
            message = f"no file of guests is called '{document.devices_of}.toml'"
            raise DefinitionError(
                [reader.fault(file, ("devices-of",), message)], code="definition-name"
            )
        what = f"devices looked at on {document.devices_of}"
        other, _ = reader.one(Document, what, "guests", document.devices_of)
        devices = (*other.device, *devices)
    return GuestDevices(arch=arch, board=document.board, device=devices, cpu=document.cpu)
