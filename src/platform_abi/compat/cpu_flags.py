"""Which CPU flags a host has, which a virtual machine asks for, and which models a host can run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from platform_abi.compat.carriers import known_plan
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.cpu import Bit, CpuTable, Grant, is_msr, spell_bit
from platform_abi.model.host import Fact, HostReport, State
from platform_abi.model.memo import remembered
from platform_abi.model.value import frozen
from platform_abi.model.vm import VirtualMachine
from platform_abi.resolver.explicit import BOOLEANS
from platform_abi.resolver.layers import compat_of, device_types, globals_of, in_order
from platform_abi.resolver.plan import Plan

#: Names of what a report says of KVM besides registers.
_EXTENSIONS = "kvm.extensions"
_MSR_FEATURES = "kvm.msr-features"

_WEAKEST: tuple[State, ...] = ("absent", "unknown", "present")


# --- what a host has -----------------------------------------------------------------------------


def flag_fact(table: CpuTable, report: HostReport, flag: str) -> Fact:
    """Return whether a guest can have *flag* on the host of *report*, by QEMU's own name for it.

    As QEMU decides it: by the bit that KVM gives (KVM_GET_SUPPORTED_CPUID, KVM_GET_MSRS of a
    feature MSR), and by what QEMU grants beside that. A register that is not in the report is
    unknown.
    """
    places = table.bits[flag]
    state = _bits(table, report, places)
    detail = ", ".join(map(spell_bit, places))
    if state != "present":
        for grant in table.grants_of(flag):
            granted = _granted(table, report, grant, places)
            if granted == "present":
                return Fact(state="present", source="ioctl", detail=grant.reason)
            if granted == "unknown":
                state = "unknown"
    if state == "unknown":
        return Fact(state=state, detail=f"{detail}: not in this report")
    return Fact(state=state, source="ioctl", detail=detail)


def _bits(table: CpuTable, report: HostReport, places: Iterable[Bit]) -> State:
    """Return what is known of the bits at *places* together: the weakest counts."""
    state: State = "present"
    for register, bit in places:
        word = _msr(table, report, register) if is_msr(register) else report.masks.get(register)
        if word is None:
            state = "unknown" if state == "present" else state
        elif not word >> bit & 1:
            state = "absent"
    return state


def _msr(table: CpuTable, report: HostReport, register: str) -> int | None:
    """Return the bits that *register* offers, 0 where KVM has no such feature MSR."""
    known = report.sets.get(_MSR_FEATURES)
    number = int(register.rpartition(".")[2], 16)
    if known is not None and f"{number:#x}" not in known:
        return 0
    try:
        word = int(report.values[register], 16)
    except (KeyError, ValueError):
        return None
    return word >> 32 & ~word if register in table.controls else word


def _granted(table: CpuTable, report: HostReport, grant: Grant, places: tuple[Bit, ...]) -> State:
    if grant.asks_processor:
        return "unknown"
    states: list[State] = ["present"]
    if grant.extension:
        extensions = report.sets.get(_EXTENSIONS)
        states.append(
            "unknown"
            if extensions is None
            else "present"
            if grant.extension in extensions
            else "absent"
        )
    if grant.register:
        states.append(_bits(table, report, [(grant.register, bit) for _, bit in places]))
    states += [flag_fact(table, report, flag).state for flag in grant.flags_too]
    return min(states, key=_WEAKEST.index)


# --- what a virtual machine asks for -------------------------------------------------------------


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
    table, plan = cpu_table(catalogue, abi.vm), known_plan(catalogue, abi)
    if table is None or plan is None:
        return None
    model = table.models.get(plan.cpu)
    #: Whether the user turned it on, by flag.
    on = dict.fromkeys(sorted(table.model_flags(plan.cpu, abi.vm.accelerator)), False)
    off: dict[str, None] = {}
    others: dict[str, None] = {}
    for name, value, given in _statements(catalogue, abi, plan, table):
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
    catalogue: Catalogue, abi: GuestAbi, plan: Plan, table: CpuTable
) -> Iterator[tuple[str, str, bool]]:
    """Yield what is written on the CPU, by QEMU's precedence, and whether the user wrote it."""
    models = catalogue.cpu_models(plan.build.name, abi.vm.arch)
    known = models.get(plan.cpu)
    driver = known.type if known is not None else f"{plan.cpu}-{table.driver}"
    types = device_types(plan.types, driver, table.driver)
    for setting, _ in in_order(types, compat_of(plan.machine), globals_of(abi.settings)):
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
    table, plan = cpu_table(catalogue, abi.vm), known_plan(catalogue, abi)
    if table is None or plan is None:
        return frozenset(name.replace("_", "-") for name, _ in abi.vm.cpu_properties)
    names = (name for name, _, _ in _statements(catalogue, abi, plan, table))
    return frozenset(table.flag(name) or name for name in names)


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
    table, plan = cpu_table(catalogue, abi.vm), known_plan(catalogue, abi)
    if table is None or plan is None:
        return {}
    flags: set[str] = set()
    for name, value, _ in _statements(catalogue, abi, plan, table):
        flag = table.flag(name)
        if flag and value in ("on", "off"):
            flags |= {flag, *(table.behind.get(flag, ()) if value == "off" else ())}
    masks: dict[str, int] = {}
    for register, bit in (place for flag in flags for place in table.bits[flag]):
        both = 1 << bit | 1 << (bit + 32) if register in table.controls else 1 << bit
        masks[register] = masks.get(register, 0) | both
    return masks


# --- which models a host can run -----------------------------------------------------------------


def runnable_models(
    catalogue: Catalogue, arch: str, build: str, report: HostReport
) -> dict[str, State]:
    """Return, for each CPU model of *build*, whether the host of *report* has every flag of it.

    Best first: the models made for processors of the host's vendor, those with the most flags, the
    newest version. Flags behind ``vmx`` and ``svm`` do not count, as no model turns these on.
    """
    table = catalogue.cpus()[arch]
    # A platform turns off what is settled, where a host lacks it.
    asked = table.bits.keys() - settled_flags(catalogue, arch)
    absent, unknown = _lacking(table, report, asked)
    found: dict[str, State] = {
        name: "absent" if absent & flags else "unknown" if unknown & flags else "present"
        for name, flags in _plain_models(catalogue, arch, build).items()
    }
    vendor = report.values.get("cpu.vendor", "")
    return {name: found[name] for name in ranked(catalogue, arch, build, found, vendor)}


def _lacking(
    table: CpuTable, report: HostReport, flags: Iterable[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return which of *flags* a guest cannot have on a host, and of which that is not known."""
    states = {flag: _bits(table, report, table.bits[flag]) for flag in flags}
    for flag in {flag for grant in table.grants for flag in grant.flags} & states.keys():
        states[flag] = flag_fact(table, report, flag).state
    absent, unknown = (
        frozenset([flag for flag, state in states.items() if state == wanted])
        for wanted in ("absent", "unknown")
    )
    return absent, unknown


def ranked(
    catalogue: Catalogue, arch: str, build: str, names: Iterable[str], vendor: str
) -> list[str]:
    """Return *names* of CPU models, the best for processors of *vendor* first."""
    table, plain = catalogue.cpus()[arch], _plain_models(catalogue, arch, build)
    order = {name: place for place, name in enumerate(plain)}
    return sorted(
        names,
        key=lambda name: (table.models[name].vendor != vendor, -len(plain[name]), -order[name]),
    )


@remembered()
def _plain_models(catalogue: Catalogue, arch: str, build: str) -> dict[str, frozenset[str]]:
    """Return the flags that each versioned model of *build* has by itself."""
    table = catalogue.cpus()[arch]
    known = catalogue.cpu_models(build, arch)
    plain = {}
    for name in table.models:
        if name in known and not known[name].alias_of:
            flags = set(table.model_flags(name, table.accelerator))
            for gate, behind in table.behind.items():
                if gate not in flags:
                    flags -= set(behind)
            plain[name] = frozenset(flags)
    return plain
