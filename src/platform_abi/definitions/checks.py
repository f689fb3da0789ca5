"""What definitions of many kinds must satisfy beyond their types: names, versions, grounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from packaging.version import Version

from platform_abi.model.platform import EDITION, edition_key

if TYPE_CHECKING:
    from platform_abi.model.realize import BoardValue, InitialValue, RealizeRule
    from platform_abi.model.visibility import SameValues

#: Keys and indices that lead to a value, as tomllib's result is indexed with.
Path = tuple[str | int, ...]

#: The one layout of definition files that this version reads.
SCHEMA = 1

#: A key of a definition file, and what is wrong with it.
Fault = tuple[Path, str]

#: What a platform file says of a feature: a value, values by edition, or false to remove it, which
#: an edition may do as well.
ListedValue = bool | int | str | Mapping[str, str | bool]

#: The upstream level of a subsystem: a kernel release, or one by edition.
Level = str | Mapping[str, str]

#: Platform, feature, capability, build and machine names: no separators of paths or of options.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")

#: A release of QEMU or of a kernel has no more parts, and none so great.
_MOST_PARTS = 4
_GREATEST = 99_999


class Document(Protocol):
    """What one definition file contains, whatever its kind."""

    def faults(self) -> Iterator[Fault]:
        """Yield everything that is wrong beyond types."""
        ...


def name_faults(path: Path, names: Iterable[str]) -> Iterator[Fault]:
    """Yield which of *names*, those of the entries of array *path*, are malformed or twice."""
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        yield from name_fault((*path, index), name)
        if name in seen:
            yield (*path, index), f"'{name}' is already defined by {path[0]}[{seen[name] + 1}]"
        seen.setdefault(name, index)


def name_fault(path: Path, name: str) -> Iterator[Fault]:
    """Yield that *name* is malformed, if it is."""
    if not NAME.fullmatch(name):
        yield path, f"expected a name of letters, digits and '._+-', found {name[:60]!r}"


def version_faults(
    path: Path, version: str | None, wanted: str, *, sep: str = ","
) -> Iterator[Fault]:
    """Yield that *version*, where there is one, is malformed; *wanted* says what it must be."""
    if version is not None and _release(version) is None:
        yield path, f"expected {wanted}{sep} found '{version}'"


def _release(text: str) -> Version | None:
    """Return the release that *text* is, None where it is none or written in another way."""
    try:
        version = Version(text)
    except ValueError:  # an InvalidVersion, or a number of too many digits
        return None
    sound = len(version.release) <= _MOST_PARTS and max(version.release) <= _GREATEST
    plain = not version.epoch and version.base_version == text
    return version if sound and plain else None


def range_faults(path: Path, since: str | None, until: str | None) -> Iterator[Fault]:
    """Yield at *path*, that of *until*, that nothing is between two releases.

    *since* is the first that something is about, and *until* the first that it is not.
    """
    first, last = _release(since or ""), _release(until or "")
    if first is not None and last is not None and last <= first:
        yield path, f"expected a release after '{since}', found '{until}'"


def edition_faults(path: Path, edition: str) -> Iterator[Fault]:
    """Yield that *edition* is malformed, if it is."""
    if not EDITION.fullmatch(edition):
        yield path, f"expected an edition such as '2026.1', found '{edition[:60]}'"


def correction_faults(path: Path, edition: str, brought: str) -> Iterator[Fault]:
    """Yield that *edition* cannot correct what the edition *brought* brought."""
    wrong = list(edition_faults(path, edition))
    if not wrong and EDITION.fullmatch(brought) and edition_key(edition) <= edition_key(brought):
        wrong = [(path, f"expected an edition after {brought}, found '{edition}'")]
    yield from wrong


def grounds_faults(
    path: Path, entry: RealizeRule | InitialValue | BoardValue | SameValues
) -> Iterator[Fault]:
    """Yield what an entry about values lacks of a subject, a reason and versions."""
    if not entry.drivers or not entry.properties:
        yield path, "expected at least one driver and one property"
    if not entry.reason or not entry.source:
        yield path, "expected a reason, and a source: file and function of QEMU"
    for key in ("since", "until", "qemu_since", "qemu_until"):
        place = (*path, key.replace("_", "-"))
        yield from version_faults(place, getattr(entry, key, None), "a QEMU release such as '9.1'")
    for prefix in ("", "qemu_"):
        since, until = (getattr(entry, f"{prefix}{end}", None) for end in ("since", "until"))
        yield from range_faults((*path, f"{prefix.replace('_', '-')}until"), since, until)
