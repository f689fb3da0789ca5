"""Whether a running QEMU's accelerator was given what the lockfile says, as far as that shows.

An accelerator is no object of QEMU's tree, and no command of QMP's tells its options up to QEMU
11.1: they show by what they make, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from platform_abi.compat.finding import Finding
from platform_abi.verifier.verification import Sides

#: What the names of facts begin with that are options of ``-accel``.
_OPTION = "accel."


def accelerator_options(sides: Sides) -> Iterator[Finding]:
    """Yield the options of the accelerator that are otherwise, and those that nobody can tell.

    What a lockfile does not have was left as the machine type has it. Nothing is said of a QEMU
    that was started without the virtual machine's own options, nor by a lockfile that does not say
    what else there was.
    """
    vm, promised = sides.vm, sides.abi.vm
    if promised.hardware is None or not vm.hardware:
        return
    if vm.accelerator not in ("", promised.accelerator):
        return  # it is another one, and that was said
    given = {n: text for n, text in promised.hardware if n.startswith(_OPTION)}
    table = sides.catalogue.options()
    types = {*vm.cpu_parts, *(thing.driver for thing in vm.devices)}
    shown = {each.fact: each for each in table.shown_by(promised.arch, promised.accelerator)}
    for name, wanted in given.items():
        found = shown[name].told(types) if name in shown else None
        if found is None:
            yield _untold(name, wanted)
        elif found != wanted:
            yield _otherwise(name, wanted, found)
    for name, each in shown.items():
        usual, found = each.usual(promised.machine), each.told(types)
        if name not in given and usual is not None and found is not None and found != usual:
            yield _otherwise(name, usual, found)


def _otherwise(name: str, wanted: str, found: str) -> Finding:
    option = name.removeprefix(_OPTION)
    return Finding(
        code="accelerator-option",
        severity="drift",
        message=f"{option} of the accelerator is {found}, and the lockfile's is {wanted}",
        help="start it with the lockfile's -accel",
        property=option,
        expected=wanted,
        found=found,
        seen="guest",
    )


def _untold(name: str, wanted: str) -> Finding:
    option = name.removeprefix(_OPTION)
    return Finding(
        code="accelerator-option-untold",
        severity="unknown",
        message=f"the lockfile has {option}={wanted} of the accelerator, and a running QEMU does "
        "not tell it",
        help="compare the -accel that it was started with, as in /proc/PID/cmdline",
        property=option,
        expected=wanted,
        seen="guest",
    )
