"""A virtual machine of Proxmox VE's, by what ``qm showcmd`` prints or by its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError, printable
from platform_abi.launch.command_line import read_command_line
from platform_abi.model.domain import DomainTable
from platform_abi.model.option_language import join_options
from platform_abi.qemu.binary import host_architecture
from platform_abi.source.kinds import kind_of
from platform_abi.source.reading import KnownBesides, Unread, VmReading
from platform_abi.source.words import from_command_line, read_line, split

if TYPE_CHECKING:
    from typing import Unpack

    from platform_abi.model.catalogue import Catalogue

#: Where the current state ends and that of snapshots begins (qemu-server(5)).
_SECTION = "["

#: What -smp is made of: each alone is one, and there are as many vCPUs as cores at the start.
_VCPUS = ("cores", "sockets", "vcpus")

#: Why what is not read is not.
_BY_PVE = "what it is to the guest follows from Proxmox VE's own code: 'qm showcmd' says it"


def from_qm(
    catalogue: Catalogue,
    text: str,
    *,
    name: str = "qm",
    arch: str | None = None,
    **besides: Unpack[KnownBesides],
) -> VmReading:
    """Return the virtual machine of Proxmox VE's that *text* describes.

    *text* is what ``qm showcmd`` prints, which says everything, or a file of
    ``/etc/pve/qemu-server``: of that only the machine type, vCPUs, memory, UUID, NICs and ``args``
    are read, and all else is ``unread``. *name* is what errors call it; the others are as in
    ``from_command_line``.

    Raises UsageError: ``qm-invalid`` for a line that is none, ``source-unknown`` for another text,
    and what ``from_command_line`` raises; a configuration that pins no machine type has none.
    """
    if kind_of(text, name) == "command-line":
        return from_command_line(catalogue, text, arch=arch, **besides)
    table = catalogue.domains()
    keys = _keys(text, printable(name))
    read = _Read(table=table)
    words = [word for key, (_, value) in keys.items() for word in read.words(key, value, keys)]
    return read_line(
        catalogue,
        read_command_line(catalogue.options(), ["-nodefaults", *words]),
        program=table.qm_program,
        arch=arch or host_architecture(),
        unread=(
            *(_unread(key, line) for key, (line, _) in keys.items() if key in read.left),
            Unread(what="qm/devices", reason=_BY_PVE),
        ),
        **besides,
    )


def _unread(key: str, line: int) -> Unread:
    return Unread(what=f"qm/{key}", reason=_BY_PVE, place=f"line {line}")


def _keys(text: str, name: str) -> dict[str, tuple[int, str]]:
    """Return the value of each key, with its line; a later one counts."""
    found = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(_SECTION):
            break
        if not line.strip() or line.startswith("#"):
            continue
        key, separator, value = line.partition(":")
        if not separator or not key.strip():
            raise UsageError(
                f"{name}:{number}: expected KEY: VALUE, as in cores: 4", code="qm-invalid"
            )
        found[key.strip()] = (number, value.strip())
    return found


class _Read:
    """The keys of one configuration; *left* are those that are not read."""

    def __init__(self, *, table: DomainTable) -> None:
        self._table = table
        self.left: set[str] = set()

    def words(self, key: str, value: str, keys: Mapping[str, tuple[int, str]]) -> Iterator[str]:
        """Yield QEMU's words for one key."""
        if any(fnmatchcase(key, pattern) for pattern in self._table.qm_unseen):
            return
        if key == "machine":
            yield from ("-machine", value)
        elif key == "memory" and value.isdecimal():
            yield from ("-m", value)
        elif key in _VCPUS:
            yield from self._vcpus(key, keys)
        elif key == "smbios1" and value.startswith("uuid="):
            yield from ("-smbios", f"type=1,{value}")
        elif key == "args":
            yield from split(value)
        elif key.startswith("net") and key[3:].isdecimal():
            yield from self._nic(key, value)
        else:
            self.left.add(key)

    def _vcpus(self, key: str, keys: Mapping[str, tuple[int, str]]) -> Iterator[str]:
        """Yield what -smp says, at the first of the keys that it is made of."""
        said = {each: value for each, (_, value) in keys.items() if each in _VCPUS}
        if not all(value.isdecimal() for value in said.values()):
            self.left.add(key)
        elif key == next(iter(said)):
            cores, sockets = said.get("cores", "1"), said.get("sockets", "1")
            most = str(int(cores) * int(sockets))
            now = said.get("vcpus", most)
            yield from ("-smp", f"{now},sockets={sockets},cores={cores},maxcpus={most}")

    def _nic(self, key: str, value: str) -> Iterator[str]:
        said = dict(item.partition("=")[::2] for item in value.split(","))
        model = next(iter(said))
        driver = self._table.qm_nics.get(model)
        if driver is None:
            self.left.add(key)
            return
        behind = self._table.qm_netdev.get(model, self._table.qm_netdev.get("*", ""))
        queues = said.pop("queues", "")
        pairs = [("mac", said[model]), ("netdev", key), ("id", key)]
        options = said.keys() - {model, *self._table.qm_nic_unseen}
        if options or (queues and not queues.isdecimal()):
            self.left.add(key)
        elif queues:
            behind = f"{behind},queues={queues}"
            pairs += [("mq", "on"), ("vectors", str(2 * int(queues) + 2))]
        yield from ("-netdev", f"{behind},id={key}")
        yield from ("-device", join_options(driver, tuple(pairs)))
