"""Which CPU flags a virtual machine asks for: by model, machine type and what is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.compat.carriers import known_basis
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.cpu import CpuTable
from platform_abi.model.memo import remembered
from platform_abi.model.value import frozen
from platform_abi.model.vm import VirtualMachine
from platform_abi.resolver.basis import Basis
from platform_abi.resolver.explicit import BOOLEANS
from platform_abi.resolver.layers import compat_of, device_types, globals_of, in_order


@frozen(kw_only=True)
class AskedFlags:
    """The flags that a virtual machine's CPU has, by QEMU's own names.

    *of_model* are those of the model, the board and the platform, *given* those that the user
    turned on, *dangling* those of them that QEMU takes away because another flag is off, with that
    flag. *undescribed* are properties of which nobody knows what they ask of a host.
    """

    of_model: frozenset[str] = frozenset()
    given: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    dangling: Mapping[str, str]
    undescribed: tuple[str, ...] = ()
    #: Whether the flags of the model are known.
    model_known: bool = False


def cpu_table(catalogue: Catalogue, vm: VirtualMachine) -> CpuTable | None:
    """Return what is known of the flags of *vm*'s CPU, or None where its accelerator decides."""
    table = catalogue.cpus().get(vm.arch)
    return table if table is not None and vm.accelerator in table.defaults else None


def asked_flags(catalogue: Catalogue, abi: GuestAbi) -> AskedFlags | None:
    """Return the flags that the CPU of *abi* has, None where its flags are not described."""
    table, basis = cpu_table(catalogue, abi.vm), known_basis(catalogue, abi)
    if table is None or basis is None:
        return None
    model = table.models.get(basis.cpu)
    #: Whether the user turned it on, by flag.
    of_model = table.model_flags(basis.cpu, abi.vm.accelerator)
    for each in table.later:
        if basis.cpu in each.models and basis.is_before(each.generation):
            of_model -= each.flags
    on = dict.fromkeys(sorted(of_model), False)
    off: dict[str, None] = {}
    others: dict[str, None] = {}
    for name, value, given in _statements(catalogue, abi, basis, table):
        flag = table.flag(name)
        if not flag:
            others |= {name: None} if given and value != "off" else {}
        elif value == "on":
            on[flag] = on.get(flag, False) or given
            off.pop(flag, None)
        elif on.pop(flag, False) or given:
            off[flag] = None
    dangling = _drop_behind(table, on)
    return AskedFlags(
        of_model=frozenset(flag for flag, given in on.items() if not given),
        given=tuple(flag for flag, given in on.items() if given),
        off=tuple(off),
        dangling=dangling,
        undescribed=tuple(name for name in others if not _described(catalogue, table, name)),
        model_known=model is not None,
    )


def _drop_behind(table: CpuTable, on: dict[str, bool]) -> dict[str, str]:
    """Take away from *on* what QEMU does; return what the user gave of that, and why it goes."""
    gone: dict[str, str] = {}
    for gate, behind in table.behind.items():
        if gate not in on:
            gone |= {flag: gate for flag in behind if on.pop(flag, False)}
    return gone


def _statements(
    catalogue: Catalogue, abi: GuestAbi, basis: Basis, table: CpuTable
) -> Iterator[tuple[str, str, bool]]:
    """Yield what is written on the CPU, by QEMU's precedence, and whether the user wrote it."""
    models = catalogue.cpu_models(basis.build.name, abi.vm.arch)
    known = models.get(basis.cpu)
    driver = known.type if known is not None else f"{basis.cpu}-{table.driver}"
    types = device_types(basis.types, driver, table.driver)
    for setting, _ in in_order(types, compat_of(basis.machine), globals_of(abi.settings)):
        yield (
            setting.property,
            BOOLEANS.get(setting.value, setting.value),
            setting.layer == "global",
        )
    for name, value in abi.vm.cpu_properties:
        yield name, BOOLEANS.get(value, value), True


def stated_flags(catalogue: Catalogue, abi: GuestAbi) -> frozenset[str]:
    """Return the flags that the arguments of *abi*, or its machine type, turn on or off.

    A CPU that is the host's has these as they are written, and takes none of them from the host
    (target/i386/cpu.c, x86_cpu_expand_features: ``user_features``).
    """
    table, basis = cpu_table(catalogue, abi.vm), known_basis(catalogue, abi)
    if table is None or basis is None:
        return frozenset(name.replace("_", "-") for name, _ in abi.vm.cpu_properties)
    names = (name for name, _, _ in _statements(catalogue, abi, basis, table))
    # As reports of QEMUs have them.
    return frozenset((table.flag(name) or name).replace("_", "-") for name in names)


def _described(catalogue: Catalogue, table: CpuTable, name: str) -> bool:
    return name in table.constants or name in _featured(catalogue, table.driver)


@remembered()
def _featured(catalogue: Catalogue, driver: str) -> frozenset[str]:
    """Return the properties of *driver* that a feature drives, or that bring a feature about."""
    family = catalogue.devices().family_of(driver)
    features = [] if family is None else [*catalogue.family_features(family)]
    driven = {name for feature in features for of, name in feature.drives if of == driver}
    return frozenset(driven | {text.partition("=")[0] for f in features for text in f.when})


@remembered()
def settled_flags(catalogue: Catalogue, arch: str) -> frozenset[str]:
    """Return the flags that are settings of features: what these need of a host is judged there."""
    table = catalogue.cpus()[arch]
    family = catalogue.devices().family_of(table.driver)
    features = () if family is None else catalogue.family_features(family)
    return frozenset(
        flag
        for feature in features
        if feature.kind == "setting"
        for _, name in feature.drives
        for flag in [table.flag(name)]
        if flag
    )


def settled_bits(catalogue: Catalogue, abi: GuestAbi) -> dict[str, int]:
    """Return, by register, the bits of flags that *abi* turns on or off, whatever the model.

    What two hosts have there does not make two guests of them: a flag that is on is a need of its
    own, and one that is off is off everywhere, with what stands behind it.
    """
    table, basis = cpu_table(catalogue, abi.vm), known_basis(catalogue, abi)
    if table is None or basis is None:
        return {}
    flags: set[str] = set()
    for name, value, _ in _statements(catalogue, abi, basis, table):
        flag = table.flag(name)
        if flag and value in ("on", "off"):
            flags |= {flag, *(table.behind.get(flag, ()) if value == "off" else ())}
    masks: dict[str, int] = {}
    for register, bit in (place for flag in flags for place in table.bits[flag]):
        both = 1 << bit | 1 << (bit + 32) if register in table.controls else 1 << bit
        masks[register] = masks.get(register, 0) | both
    return masks
