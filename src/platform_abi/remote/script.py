"""A probe as one script, for a host that has a Python and nothing of this package.

It is made of the very modules that probe this host, and of the very definitions: the sources of
``standalone`` and of all that it imports, what it is to ask as JSON, and in front of them what all
that stands on. So it finds what an installed probe finds, and none of it is said twice.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from platform_abi._version import __version__
from platform_abi.model.value import frozen

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from platform_abi.model.capability import Capability

_PACKAGE: Final = "platform_abi"
_MAIN: Final = "platform_abi.remote.standalone"
_BELOW: Final = "platform_abi.remote.stand_ins"

#: What the script has stand-ins for: see ``stand_ins``.
_STAND_INS: Final = ("platform_abi.model.value",)

#: How long one device may take to answer, and one QEMU, in seconds: as an installed probe has it.
TIMEOUT: Final = 5.0
QEMU_TIMEOUT: Final = 10.0

#: How many answers of QEMUs, and of all devices at once, there is time for in one run.
_ANSWERS: Final = 4

_HEAD: Final = """\
#!/usr/bin/env python3
# Asks this host what it offers virtual machines, and writes a host report, one line of JSON, to
# standard output:
#
#     ssh HOST python3 - <this-file >report.json
#
# Made by platform-abi {version} of its own sources. It needs Python 3.6 or newer and nothing else,
# and leaves no file and no process behind. What it may not ask, it reports as unknown: run it as
# the user that runs QEMU. What it is to ask stands at the end.
"""


@frozen(kw_only=True)
class Wishes:
    """What a script is to ask besides what is defined.

    *qemus* are paths of QEMUs there, None for the one that the host would use. *timeout* is how
    long one device may take to answer, in seconds, and *qemu_timeout* one QEMU.
    """

    qemus: tuple[str, ...] | None = None
    timeout: float = TIMEOUT
    qemu_timeout: float = QEMU_TIMEOUT

    @property
    def limit(self) -> int:
        """Return after how many seconds the script ends, whatever it waits for."""
        binaries = 1 if self.qemus is None else len(self.qemus)
        return int(2 * self.timeout + _ANSWERS * self.qemu_timeout * binaries) + 1


def probe_script(capabilities: Mapping[str, Capability], wishes: Wishes | None = None) -> str:
    """Return the script that asks a host for *capabilities*, as Python source in ASCII.

    It writes the host's report as one line of JSON, and ends with 0. Of its QEMUs that report has
    what they say themselves: ``known`` adds what definitions know of them.
    """
    sources = dict(_carried(_MAIN))
    carried = "".join(f"    {name!r}: {_quoted(text)},\n" for name, text in sorted(sources.items()))
    return (
        f"{_HEAD.format(version=__version__)}\n{_source(_BELOW)}\n\n"
        f"SOURCES = {{\n{carried}}}\n\n"
        f"ORDER = {_quoted(_order(capabilities, wishes or Wishes()))}\n\n"
        f"run(SOURCES, {_MAIN!r}, ORDER)\n"
    )


def _order(capabilities: Mapping[str, Capability], wishes: Wishes) -> str:
    """Return what ``standalone`` is to ask, as JSON with a capability a line."""
    asked = [
        json.dumps(
            {
                "id": capability.id,
                "symbol": capability.symbol,
                "config": capability.config,
                "arch": list(capability.arch),
                "probe": capability.probe
                and {key: getattr(capability.probe, key) for key in _PROBE},
            }
        )
        for _, capability in sorted(capabilities.items())
        if capability.probe is not None or capability.config
    ]
    words = {
        "limit": wishes.limit,
        "timeout": wishes.timeout,
        "qemu-timeout": wishes.qemu_timeout,
        "qemus": wishes.qemus,
    }
    lines = ",\n".join(asked)
    return f'{json.dumps(words)[:-1]}, "capabilities": [\n{lines}\n]}}'


_PROBE: Final = ("method", "node", "request", "argument")


def _carried(name: str) -> Iterator[tuple[str, str]]:
    """Yield the module *name* and all that it imports of this package, with their sources."""
    waiting, seen = [name], {name, *_STAND_INS}
    while waiting:
        module = waiting.pop()
        source = _source(module)
        yield module, source
        for other in _imports(ast.parse(source)):
            if other not in seen and _is_module(other):
                seen.add(other)
                waiting.append(other)


def _imports(tree: ast.AST) -> Iterator[str]:
    """Yield what of this package is imported at run time, wherever it stands."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{_PACKAGE}."):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and str(node.value).startswith(f"{_PACKAGE}."):
            yield str(node.value)  # of what runs in a process of its own: see ``qemu.bare``
        yield from _imports(node)


def _is_module(name: str) -> bool:
    return _file(name).is_file()


def _source(name: str) -> str:
    return _file(name).read_text(encoding="utf-8")


def _file(name: str) -> Traversable:
    *folders, last = name.split(".")[1:]
    return files(_PACKAGE).joinpath(*folders, f"{last}.py")


def _quoted(text: str) -> str:
    """Return *text* as a literal of Python, in lines as it is where that can be."""
    plain = text.isascii() and "'''" not in text and not text.endswith(("\\", "'"))
    return f"r'''{text}'''" if plain else ascii(text)
