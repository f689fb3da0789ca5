"""The machine types of one binary, with all that they override."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from platform_abi.author.asking import Asked
from platform_abi.author.generation import check_said, said
from platform_abi.author.inheritance import Properties
from platform_abi.author.names import families, newest_first, split_name
from platform_abi.errors import HostError, printable
from platform_abi.model.machine import CompatProperty, MachineType
from platform_abi.model.naming import Naming
from platform_abi.model.value import evolve
from platform_abi.qemu.stdio_qmp import QmpCommandError

#: The board that every QEMU has for questions like these: it is no machine.
_NO_MACHINE = "none"

Compat = Mapping[str, tuple[CompatProperty, ...]]


def ask_machines(
    qemu: Asked, trace: Callable[[], Compat]
) -> tuple[list[dict[str, Any]], Compat, bool]:
    """Return what QEMU answers of each machine type, and what each overrides.

    Since 9.1 QEMU lists that itself, and the last is True; *trace* is for one that does not. Raises
    HostError (``no-compat``) where that sees nothing of a machine type.
    """
    listed = True
    try:
        answers = qemu.execute("query-machines", **{"compat-props": True})
        compat: Compat = {answer["name"]: _listed(answer["compat-props"]) for answer in answers}
    except QmpCommandError:
        # "Parameter 'compat-props' is unexpected"
        listed = False
        answers = qemu.execute("query-machines")
        compat = trace()
    machines = [answer for answer in answers if answer["name"] != _NO_MACHINE]
    unseen = sorted(answer["name"] for answer in machines if answer["name"] not in compat)
    if unseen:
        raise HostError(
            f"no compat properties were seen of {', '.join(unseen)}",
            code="no-compat",
            help="they can be seen of a QEMU since 4.0 that links glib dynamically, and since 9.1 "
            "of every one",
        )
    return machines, compat, listed


def _listed(entries: Iterable[Mapping[str, Any]]) -> tuple[CompatProperty, ...]:
    """Return what QEMU lists; raises TypeError for what is no text, as QEMU's always is."""
    listed = [[each[key] for key in ("qom-type", "property", "value")] for each in entries]
    if not all(isinstance(text, str) for texts in listed for text in texts):
        raise TypeError("a compat property that is no text")
    return tuple(
        CompatProperty(driver=driver, property=name, value=value) for driver, name, value in listed
    )


def machine_types(
    answers: Sequence[Mapping[str, Any]],
    compat: Compat,
    arch: str,
    naming: Naming,
    more_families: Collection[str] = (),
) -> tuple[MachineType, ...]:
    """Return the machine types; *more_families* are those that other builds have versions of."""
    known = families((answer["name"] for answer in answers), naming) | set(more_families)
    # Where two claim one alias, QEMU takes the last of this list: find_machine in system/vl.c reads
    # it from the other end, qmp_query_machines having turned it round.
    aliases = {answer["alias"]: answer["name"] for answer in answers if "alias" in answer}
    machines = []
    for answer in answers:
        name = answer["name"]
        family, generation = split_name(name, known, naming)
        machines.append(
            MachineType(
                name=name,
                family=family,
                arch=arch,
                generation=generation,
                aliases=tuple(sorted(a for a, meant in aliases.items() if meant == name)),
                default=answer.get("is-default", False),
                deprecated=answer.get("deprecated", False),
                cpu=answer.get("default-cpu-type", ""),
                compat=compat[name],
            )
        )
    return newest_first(machines)


def with_generations(
    machines: Sequence[MachineType],
    given: Mapping[str, str],
    tell: Callable[[MachineType], str | None],
    warnings: list[str],
) -> tuple[MachineType, ...]:
    """Return *machines* with the generation of each vendor's machine type, where it is known.

    It is the one that *given* says, else the one that *tell* does. Those of which nobody can tell
    are named in *warnings*: whoever starts one is asked, where it matters. Raises UsageError
    (``unknown-machine``, ``machine-generation``) for what is given of none, or is no release.
    """
    check_said({machine.name: machine.family for machine in machines}, given)
    whole, open_ = [], []
    for machine in machines:
        generation = said(machine.name, machine.family, given) or machine.generation
        if generation is None and machine.family != machine.name:
            generation = tell(machine)
            if generation is None:
                open_.append(machine.name)
        whole.append(evolve(machine, generation=generation))
    if open_:
        warnings.append(
            f"the upstream generation of {', '.join(map(printable, open_))} shows neither in the "
            f"name nor in the compat properties; say it with --generation {printable(open_[0])}=X.Y"
        )
    return newest_first(whole)


def with_optional(
    machines: Sequence[MachineType], properties: Properties
) -> tuple[MachineType, ...]:
    """Return *machines* with the flag on every entry that would else make QEMU refuse a device.

    ``query-machines`` does not tell which entries are optional, that is ignored where a driver has
    no such property. But QEMU starts with all of them, so those without the property must be.
    """
    return tuple(
        evolve(
            machine,
            compat=tuple(
                evolve(entry, optional=True)
                if entry.driver in properties and entry.property not in properties[entry.driver]
                else entry
                for entry in machine.compat
            ),
        )
        for machine in machines
    )
