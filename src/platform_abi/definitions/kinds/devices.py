"""``devices/*.toml``: families of devices, kinds of network backends, accelerators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from platform_abi.definitions.checks import Fault, Path, name_faults
from platform_abi.definitions.files import File
from platform_abi.definitions.reading import Reader, merge
from platform_abi.errors import DefinitionError, suggest
from platform_abi.model.backend_group import GROUP, BackendGroup
from platform_abi.model.cpu_names import CpuNames, RefusedModels
from platform_abi.model.device import (
    BackendKind,
    Described,
    DeviceFamily,
    DeviceTable,
    MigrationBlocker,
    NetdevOption,
    NetdevQueues,
    QemuModule,
    Transport,
    VirtioBit,
)
from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    accelerators: tuple[str, ...] = ()
    native_accelerators: tuple[str, ...] = ()
    sized: tuple[str, ...] = ()
    usual_accelerators: Mapping[str, str] = field(factory=dict)
    common_bit: tuple[VirtioBit, ...] = ()
    family: tuple[DeviceFamily, ...] = ()
    backend: tuple[BackendKind, ...] = ()
    backend_group: tuple[BackendGroup, ...] = ()
    netdev_option: tuple[NetdevOption, ...] = ()
    netdev_queues: tuple[NetdevQueues, ...] = ()
    described: tuple[Described, ...] = ()
    cpu_names: tuple[CpuNames, ...] = ()
    refused_models: tuple[RefusedModels, ...] = ()
    blocker: tuple[MigrationBlocker, ...] = ()
    transport: tuple[Transport, ...] = ()
    module: tuple[QemuModule, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        yield from name_faults(("family",), (each.name for each in self.family))
        yield from _bit_faults(("common-bit",), self.common_bit)
        for index, family in enumerate(self.family):
            yield from _bit_faults(("family", index, "bit"), family.bit)
        for index, blocker in enumerate(self.blocker):
            if not (blocker.drivers and blocker.reason and blocker.help and blocker.source):
                yield ("blocker", index), "expected drivers, a reason, help, and a source"
        yield from _cpu_faults(self)
        yield from _group_faults(self.backend_group)
        yield from name_faults(("module",), (each.name for each in self.module))
        for index, module in enumerate(self.module):
            if not (module.drivers and module.source):
                yield ("module", index), "expected drivers and a source"


def _cpu_faults(document: Document) -> Iterator[Fault]:
    for index, names in enumerate(document.cpu_names):
        # They are looked up in small letters.
        for word in (*names.called, *names.unlisted):
            if word != word.lower():
                yield ("cpu-names", index), f"expected small letters: {word.lower()}"
    for index, refused in enumerate(document.refused_models):
        if not (refused.models and refused.accelerators and refused.reason and refused.source):
            message = "expected models, accelerators, a reason and a source"
            yield ("refused-models", index), message


def _group_faults(groups: Iterable[BackendGroup]) -> Iterator[Fault]:
    for index, group in enumerate(groups):
        path: Path = ("backend-group", index)
        if not group.name.startswith(GROUP):
            yield (*path, "name"), f"expected a name that begins with '{GROUP}'"
        if len(group.member) < 2:  # noqa: PLR2004 - one is no group
            yield path, "expected members: the kind that others follow from, and those"
        elif group.member[0].adds or group.member[0].instead:
            yield (*path, "member", 0), "the first member is what others follow from: it is as said"
        yield from name_faults((*path, "member"), (each.backend for each in group.member))


def _bit_faults(path: Path, bits: Iterable[VirtioBit]) -> Iterator[Fault]:
    seen: dict[int, str] = {}
    for index, bit in enumerate(bits):
        if not 0 <= bit.bit < 128:  # noqa: PLR2004 - virtio has 128 feature bits
            yield (*path, index, "bit"), "expected a bit from 0 to 127"
        elif bit.bit in seen:
            yield (*path, index), f"bit {bit.bit} is already {seen[bit.bit]}"
        seen[bit.bit] = bit.name


def merged(reader: Reader) -> DeviceTable:
    """Return what all files say of device families, backends and accelerators."""
    families: dict[str, tuple[DeviceFamily, File]] = {}
    backends: dict[str, tuple[BackendKind, File]] = {}
    options: dict[str, tuple[NetdevOption, File]] = {}
    queues: list[NetdevQueues] = []
    accelerators: list[str] = []
    native: list[str] = []
    sized: list[str] = []
    usual: dict[str, tuple[str, File]] = {}
    common: list[VirtioBit] = []
    described: list[Described] = []
    cpu_names: dict[str, tuple[CpuNames, File]] = {}
    refused: list[RefusedModels] = []
    blockers: list[MigrationBlocker] = []
    transports: list[Transport] = []
    modules: dict[str, tuple[QemuModule, File]] = {}
    for document, file in reader.every(Document, "devices"):
        accelerators += document.accelerators
        native += document.native_accelerators
        sized += document.sized
        common += document.common_bit
        described += document.described
        refused += document.refused_models
        blockers += document.blocker
        transports += document.transport
        queues += document.netdev_queues
        for system, name in document.usual_accelerators.items():
            merge(usual, f"usual accelerator of {system}", system, name, file)
        for names in document.cpu_names:
            merge(cpu_names, f"names of CPU models of {names.arch}", names.arch, names, file)
        for family in document.family:
            merge(families, f"device family {family.name}", family.name, family, file)
        for entry in document.backend:
            name = f"{entry.name} {sorted(entry.when.items())}"
            merge(backends, f"backend {entry.name}", name, entry, file)
        for module in document.module:
            merge(modules, f"module {module.name}", module.name, module, file)
        for option in document.netdev_option:
            name = f"{option.netdev},{option.option}"
            merge(options, f"netdev option {name}", name, option, file)
    return DeviceTable(
        groups=tuple(backend_groups(reader).values()),
        families=tuple(value for value, _ in families.values()),
        backends=tuple(value for value, _ in backends.values()),
        netdev_options=tuple(value for value, _ in options.values()),
        netdev_queues=tuple(dict.fromkeys(queues)),
        accelerators=tuple(dict.fromkeys(accelerators)),
        native_accelerators=tuple(dict.fromkeys(native)),
        sized=tuple(dict.fromkeys(sized)),
        usual_accelerators={system: value for system, (value, _) in usual.items()},
        described=tuple(dict.fromkeys(described)),
        cpu_names=tuple(value for value, _ in cpu_names.values()),
        refused_models=tuple(dict.fromkeys(refused)),
        blockers=tuple(dict.fromkeys(blockers)),
        transports=tuple(dict.fromkeys(transports)),
        modules=tuple(value for value, _ in modules.values()),
        common_bits=tuple(dict.fromkeys(common)),
    )


def backend_groups(reader: Reader) -> Mapping[str, BackendGroup]:
    """Return the groups of backends by name; raises DefinitionError for one of no known kind."""
    every = [*reader.every(Document, "devices")]
    kinds = {each.name for document, _ in every for each in document.backend}
    groups: dict[str, tuple[BackendGroup, File]] = {}
    for document, file in every:
        for index, group in enumerate(document.backend_group):
            for place, member in enumerate(group.member):
                if member.backend not in kinds:
                    at = ("backend-group", index, "member", place, "backend")
                    message = f"no backend '{member.backend}'{suggest(member.backend, kinds)}"
                    fault = reader.fault(file, at, message)
                    raise DefinitionError([fault], code="definition-invalid")
            merge(groups, f"backend group {group.name}", group.name, group, file)
    return {name: group for name, (group, _) in groups.items()}
