"""Ask a QEMU which devices it refuses to migrate, and write what it says as a definition file.

    python tools/unmigratable_devices.py BUILD ARCH BINARY [DRIVER...]

The file is ``definitions/machines/BUILD/ARCH-migration.toml``. Two questions are put to BINARY:

- ``-dump-vmstate`` lists what of every class is in a migration stream. A class whose description
  has neither fields nor subsections has a name there and no state: it is ``.unmigratable``. That
  tells of devices that cannot be created here, such as those that need one of the host's.
- A machine is started, paused, with one device of each driver that can be created, and told to
  migrate to a descriptor that there is not. ``migration_is_blocked`` (migration/migration.c) comes
  before that is noticed, so the answer names the device, or says that nothing but the descriptor
  is missing. What a driver is created with is in ``tests/live/drivers.toml``.

With DRIVERs, only those are asked about, and nothing is written.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from platform_abi.author.text import wrapped
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.files import write_text
from platform_abi.model.machine import TypeTable
from platform_abi.qemu.process import Throwaway
from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError, QmpError
from platform_abi.resolver.layers import inner_device, inner_types

_ROOT = Path(__file__).parents[1]
DEFINITIONS = _ROOT / "definitions"
_DRIVERS = _ROOT / "tests" / "live" / "drivers.toml"

#: In seconds; a QEMU of another architecture on a busy machine.
_TIMEOUT = 60.0
#: A descriptor that no monitor was given.
_NOWHERE = "fd:nowhere"

#: The first board of each architecture that is there, and that has most buses.
BOARDS = ("q35", "virt", "pseries", "s390-ccw-virtio")


def stateless(binary: str) -> frozenset[str]:
    """Return the classes that have a name and nothing else in a migration stream."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "classes.json")
        command = [binary, "-machine", "none", "-nodefaults", "-display", "none"]
        command += ["-dump-vmstate", str(file)]
        with Throwaway(command, writable=folder) as process:
            while process.receive(time.monotonic() + _TIMEOUT):
                pass
        classes = json.loads(file.read_text(encoding="utf-8"))
    described = {
        name: entry["Description"]
        for name, entry in classes.items()
        if isinstance(entry, dict) and "Description" in entry
    }
    return frozenset(
        name for name, of in described.items() if "Fields" not in of and "Subsections" not in of
    )


def refused(binary: str, board: str, driver: str) -> str | None:
    """Return why *binary* would not migrate a machine with a device of *driver*.

    Empty where it would; None where it cannot be created here.
    """
    words = ["-machine", board, "-accel", "tcg", "-nodefaults", *_created(driver)]
    try:
        with Qmp(binary, words, timeout=_TIMEOUT) as qmp:
            try:
                qmp.execute("migrate", uri=_NOWHERE)
            except QmpCommandError as error:
                said = str(error).partition(": ")[2]
                return "" if "nowhere" in said else said
    except QmpError:
        return None
    return ""


def settled(
    catalogue: FileCatalogue, build: str, arch: str, blocked: frozenset[str]
) -> tuple[str, ...]:
    """Return *blocked*, each as what all transports share, without what another one explains.

    A device may be refused for the one that it is plugged into, or for a property that it was not
    given, as a ``[[blocker]]`` of ``definitions/devices`` has it.
    """
    types = catalogue.types(build, arch)
    inside = inner_types(catalogue, types)
    described = {
        d for blocker in catalogue.devices().blockers if not blocker.since for d in blocker.drivers
    }
    hosts = {name: [_driver(e) for e in _chain(name)[1:]] for name in blocked}
    return tuple(
        sorted(
            {
                inner_device(types, inside, name) or name
                for name in blocked
                if name not in described and not blocked.intersection(hosts[name])
            }
        )
    )


def accompanied(
    types: TypeTable, answers: Mapping[str, str | None], silent: Collection[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the drivers that are refused for a device that comes with them, and their kind.

    On s390x every PCI device has a zpci. The kind is the type of which all that could be created
    were refused.
    """
    drivers = {n for n, why in answers.items() if why and _blocking(why) in {*silent} - {n}}
    created = [name for name, why in answers.items() if why is not None]

    def all_refused(kind: str) -> bool:
        return all(answers[name] for name in created if types.is_a(name, kind))

    kinds = {
        next((kind for kind in reversed([*types.ancestry(n)]) if all_refused(kind)), n)
        for n in drivers
        if not any(_driver(each) in drivers for each in _chain(n)[1:])
    }
    return frozenset(drivers), frozenset(kinds)


def _blocking(why: str) -> str:
    """Return what QEMU calls a device that it does not migrate, where that has no path."""
    return why.partition("'")[2].rpartition("'")[0]


def _driver(entry: Mapping[str, Any]) -> str:
    return str(entry["option"]).partition(",")[0]


def _created(driver: str) -> Iterator[str]:
    """Yield the words that create a device of *driver*, and before it what it is plugged into."""
    for each in reversed(_chain(driver)):
        for words in each.get("with", ()):
            option, _, value = words.partition(" ")
            yield from (option, value)
        yield from ("-device", each["option"])


def _chain(driver: str) -> list[Mapping[str, Any]]:
    """Return what is known of *driver*, then of what it is plugged into, and so on."""
    entries = tomllib.loads(_DRIVERS.read_text(encoding="utf-8"))["device"]
    options = {_driver(entry): entry for entry in reversed(entries)}
    named = {m[1]: e for e in entries if (m := re.search(r",id=([^,]+)", e["option"]))}
    chain = [options.get(driver, {"option": driver})]
    while (m := re.search(r",bus=([^,.]+)", chain[-1]["option"])) and m[1] in named:
        chain.append(named[m[1]])
    return chain


def main() -> int:
    """Ask, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("build")
    parser.add_argument("arch")
    parser.add_argument("binary")
    parser.add_argument("driver", nargs="*")
    given = parser.parse_args()
    catalogue = FileCatalogue([DEFINITIONS], compiled=False)
    types = catalogue.types(given.build, given.arch)
    build = catalogue.build(given.build, given.arch)
    board = next(b for b in BOARDS if b in (*build.aliases, *build.machines))
    names = given.driver or [
        name
        for name in types.parents
        if name not in types.abstract and not types.is_a(name, f"{given.arch}-cpu")
    ]
    silent = frozenset() if given.driver else stateless(given.binary) & types.parents.keys()
    answers = {name: refused(given.binary, board, name) for name in sorted(names)}
    blocked = {name: why for name, why in answers.items() if why}
    for name, why in blocked.items():
        print(f"{name}: {why}")
    for name in sorted(silent - blocked.keys()):
        print(f"{name}: has no state ({'created' if answers.get(name) == '' else 'not created'})")
    if not given.driver:
        along, kinds = accompanied(types, answers, silent)
        own = silent | (blocked.keys() - along)
        names = sorted({*settled(catalogue, given.build, given.arch, own), *kinds})
        lines = ["schema = 1", *wrapped("unmigratable", names)]
        file = DEFINITIONS / "machines" / given.build / f"{given.arch}-migration.toml"
        write_text(file, "\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
