"""The lock of an edition: started, kept in step while it is open, released once and for all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import tomli_w

from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import UsageError
from platform_abi.files import write_text
from platform_abi.model.platform import EDITION, OPEN, Edition, edition_key
from platform_abi.model.value import frozen
from platform_abi.resolver.digest import platform_digest


@frozen(kw_only=True)
class Freeze:
    """What freezing an edition changed of the digests that it, or an earlier one, had locked."""

    edition: str
    #: The day of its release; None while it is open.
    released: str | None
    #: Platforms that were not there.
    new: tuple[str, ...]
    #: Platforms that mean something else than what was locked.
    changed: tuple[str, ...]


def platform_digests(catalogue: FileCatalogue, edition: str) -> dict[str, str]:
    """Return the digest of every platform that *edition* has, as definitions are now."""
    names = (name for name in catalogue.platform_names() if catalogue.platform(name).is_at(edition))
    return {name: platform_digest(catalogue, name, edition) for name in sorted(names)}


def locked_digests(catalogue: FileCatalogue, edition: str) -> dict[str, str]:
    """Return the digest of every platform that is locked at *edition*.

    The lock of an edition holds what is not as in the one before.
    """
    locked: dict[str, str] = {}
    for name in catalogue.editions():
        if edition_key(name) <= edition_key(edition):
            locked |= catalogue.edition(name).platforms
    return locked


def freeze(folder: Path, edition: str, *, today: date, release: bool = False) -> Freeze:
    """Write the lock of *edition* below *folder*, that of the definitions, and say what it changed.

    A new edition is started, and one that is open follows the definitions. With *release* it is
    released *today*; when that day is over, it never changes again. Raises UsageError where
    *edition* could not come next (``edition-order``), and where it is released and would change
    (``edition-released``); then nothing is written.
    """
    catalogue = FileCatalogue([folder])
    if edition in catalogue.editions():
        now = catalogue.edition(edition)
    else:
        _check_next(catalogue, edition)
        now = Edition(name=edition, open=True)
    before, after = locked_digests(catalogue, edition), platform_digests(catalogue, edition)
    found = Freeze(
        edition=edition,
        released=today.isoformat() if now.open and release else now.released,
        new=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(name for name in sorted(before) if after.get(name) != before[name]),
    )
    if not now.open and now.released != today.isoformat():
        _check_unchanged(found)
    else:
        _write(folder, found, _beside_earlier(catalogue, edition, after))
    return found


def _beside_earlier(
    catalogue: FileCatalogue, edition: str, digests: Mapping[str, str]
) -> dict[str, str]:
    """Return those of *digests* that the edition before *edition* has not."""
    earlier = [e for e in catalogue.editions() if edition_key(e) < edition_key(edition)]
    known = locked_digests(catalogue, earlier[-1]) if earlier else {}
    return {name: digest for name, digest in digests.items() if known.get(name) != digest}


def _check_next(catalogue: FileCatalogue, edition: str) -> None:
    newest = next(reversed(catalogue.editions()), None)
    sound = EDITION.fullmatch(edition)
    if not sound or (newest is not None and edition_key(edition) <= edition_key(newest)):
        raise UsageError(
            f"no edition can be called '{edition[:60]}'",
            code="edition-order",
            help=f"the next one is {_next(newest)}" if newest else "a year and a number, as 2026.1",
        )
    if newest is not None and catalogue.edition(newest).open:
        raise UsageError(
            f"edition {newest} is not released yet",
            code="edition-order",
            help="release it first, or write what is new into it",
        )


def _next(edition: str) -> str:
    year, number = edition_key(edition)
    return f"{year}.{number + 1}"


def _check_unchanged(found: Freeze) -> None:
    if found.changed or found.new:
        raise UsageError(
            f"edition {found.edition} is released, and these would not be what they were: "
            + ", ".join((*found.changed, *found.new)),
            code="edition-released",
            help="say what older editions have in `before`, a value by edition, or the `edition` "
            "that brings a platform: docs/reference/definitions.md, Editions",
        )


def _write(folder: Path, found: Freeze, platforms: Mapping[str, str]) -> None:
    open_, released = (folder / "editions" / f"{found.edition}{end}.toml" for end in (OPEN, ""))
    body: dict[str, object] = {"schema": 1, "edition": found.edition}
    if found.released:
        body["released"] = date.fromisoformat(found.released)
    write_text(
        released if found.released else open_,
        tomli_w.dumps({**body, "platforms": dict(platforms)}),
    )
    if found.released:
        open_.unlink(missing_ok=True)
