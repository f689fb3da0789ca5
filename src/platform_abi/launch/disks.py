"""The disks of a command line that are made without a -device, and its flash memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from platform_abi.errors import UsageError
from platform_abi.launch.hardware_options import Facts, HardwareReading
from platform_abi.model.option_language import join_options, split_options
from platform_abi.model.option_table import OptionBoard, OptionTable
from platform_abi.model.vm import UNKNOWN
from platform_abi.resolver.explicit import BOOLEANS


def node_size(reading: HardwareReading, node: str, depth: int = 0) -> str:
    """Return how large the block device called *node* is, in bytes, as a fact."""
    for pairs in reading.given.get("blockdev", ()):
        given = dict(pairs)
        if given.get("node-name") == node:
            return _size_behind(reading, given, depth)
    for pairs in reading.given.get("drive", ()):
        given = dict(pairs)
        if node in (given.get("id"), given.get("node-name")):
            return reading.file_size(given.get("file", ""))
    return UNKNOWN


def _size_behind(reading: HardwareReading, given: Mapping[str, str], depth: int) -> str:
    """Return how large the file is that a block node ends at, by what is *given* of the node."""
    name = given.get("filename") or given.get("file.filename")
    if name:
        return reading.file_size(name)
    below = given.get("file", "")
    if depth == _MOST_NODES or not below:
        return UNKNOWN
    if not below.startswith("{"):
        return node_size(reading, below, depth + 1)
    try:
        return _size_behind(reading, dict(split_options(below, "")), depth + 1)
    except UsageError:  # for QEMU to judge
        return UNKNOWN


#: How many block nodes stand on each other before this is taken for a circle.
_MOST_NODES = 16


def drives(reading: HardwareReading, board: OptionBoard | None) -> Facts:
    """Yield disks that are made without a -device, and how large flash memory is."""
    table = reading.catalogue.options()
    keys, values = table.drive_key, table.drive_value
    default = "default" if board is None else board.disk
    taken: dict[str, set[str]] = {}
    free: dict[str, Iterator[str]] = {}
    for pairs in reading.given.get("drive", ()):
        given = dict(pairs)
        said = {what: given[key] for what, key in keys.items() if key in given}
        interface = said.get("interface", default)
        if interface == values.get("unattached"):
            continue
        used = taken.setdefault(interface, set())
        if "bus" in said or "unit" in said:
            place = f"{said.get('bus', values.get('bus', ''))}:{said.get('unit', AUTOMATIC)}"
        else:
            numbers = free.setdefault(interface, map(str, itertools.count()))
            place = said.get("index") or next(n for n in numbers if n not in used)
            used.add(place.lstrip("0") or "0")
        if interface == values.get("flash"):
            size = reading.file_size(said.get("image", ""))
            yield f"firmware.pflash{place}", f"{size}{media_of(table, given)}"
            continue
        own = {
            key: value
            for key, value in given.items()
            if key not in table.disk_keys and not table.hides_key("drive", key)
        }
        medium = own.pop(keys.get("medium", ""), values.get("medium", ""))
        text = join_options(medium, (*sorted(own.items()),))
        yield f"drive.{interface}.{place}", f"{text}{media_of(table, given)}"


AUTOMATIC = "automatic"


def media_of(table: OptionTable, given: Mapping[str, str]) -> str:
    """Return what a guest can tell of how a disk was opened, behind a comma each."""
    said = {(key, BOOLEANS.get(text, text)) for key, text in given.items()}
    return "".join(
        f",{what}"
        for what, keys in table.opened.items()
        if any((key, text) in said for key, texts in keys.items() for text in texts)
    )
