"""QEMU's configuration files, which ``-readconfig`` takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platform_abi.errors import UsageError

#: ``[device "net0"]`` and ``[machine]``: util/qemu-config.c, qemu_config_foreach.
_SECTION = r'\[(?P<group>[^\s"\]]+)(?:\s+"(?P<id>[^"]*)")?\]$'
_PAIR = r'(?P<key>[^\s="]+)\s*=\s*"(?P<value>[^"]*)"$'


def read_configuration(text: str, name: str) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Yield each section of a configuration file: group, id or nothing, and its pairs.

    *name* is what errors call the file. Raises UsageError (``configuration-syntax``) with the line.
    """
    section: tuple[str, str, list[tuple[str, str]]] | None = None
    # Lines end where QEMU's do: fgets(3) knows no other breaks than newlines.
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        head, pair = re.match(_SECTION, line), re.match(_PAIR, line)
        if head is not None:
            if section is not None:
                yield section
            section = (head["group"], head["id"] or "", [])
        elif pair is not None and section is not None:
            section[2].append((pair["key"], pair["value"]))
        else:
            raise UsageError(
                f'{name}:{number}: expected [group "id"] or key = "value", found {line[:80]!r}',
                code="configuration-syntax",
            )
    if section is not None:
        yield section
