"""Which flags the CPU of a guest can have on a host, as QEMU decides it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from platform_abi.model.cpu import Bit, CpuTable, Grant, is_msr, spell_bit
from platform_abi.model.host import Fact, HostReport, State

#: Names of what a report says of KVM besides registers.
_EXTENSIONS = "kvm.extensions"
_MSR_FEATURES = "kvm.msr-features"

_WEAKEST: tuple[State, ...] = ("absent", "unknown", "present")


def flag_fact(table: CpuTable, report: HostReport, flag: str) -> Fact:
    """Return whether a guest can have *flag* on the host of *report*, by QEMU's own name for it.

    As QEMU decides it: by the bit that KVM gives (KVM_GET_SUPPORTED_CPUID, KVM_GET_MSRS of a
    feature MSR), and by what QEMU grants beside that. A register that is not in the report is
    unknown.
    """
    places = table.bits[flag]
    state = _states(table, report, {flag: places})[flag]
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


def _states(
    table: CpuTable, report: HostReport, asked: Mapping[str, Iterable[Bit]]
) -> dict[str, State]:
    """Return what is known of several bits together, by what asks for them: the weakest counts.

    Each register is read once.
    """
    words: dict[str, int | None] = {}
    states: dict[str, State] = {}
    for name, places in asked.items():
        state: State = "present"
        for register, bit in places:
            if register not in words:
                words[register] = _word(table, report, register)
            word = words[register]
            if word is None:
                state = "unknown" if state == "present" else state
            elif not word >> bit & 1:
                state = "absent"
        states[name] = state
    return states


def _word(table: CpuTable, report: HostReport, register: str) -> int | None:
    """Return the bits that *register* offers, 0 where KVM has no such feature MSR."""
    if not is_msr(register):
        return report.masks.get(register)
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
        granting = {grant.register: [(grant.register, bit) for _, bit in places]}
        states += _states(table, report, granting).values()
    states += [flag_fact(table, report, flag).state for flag in grant.flags_too]
    return min(states, key=_WEAKEST.index)


def lacking_flags(
    table: CpuTable, report: HostReport, flags: Iterable[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return which of *flags* a guest cannot have on a host, and of which that is not known."""
    states = _states(table, report, {flag: table.bits[flag] for flag in flags})
    for flag in {flag for grant in table.grants for flag in grant.flags} & states.keys():
        states[flag] = flag_fact(table, report, flag).state
    absent, unknown = (
        frozenset([flag for flag, state in states.items() if state == wanted])
        for wanted in ("absent", "unknown")
    )
    return absent, unknown
