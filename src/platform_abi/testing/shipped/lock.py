"""Strategies of platforms as people name them, and of lockfiles of what they resolve to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from hypothesis import reject
from hypothesis import strategies as st

from platform_abi.emit.lockfile import lockfile
from platform_abi.errors import PlatformAbiError
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.memo import remembered
from platform_abi.model.platform import edition_key
from platform_abi.model.value import field, frozen
from platform_abi.resolver.resolve import resolve
from platform_abi.testing.shipped.line import ACCELERATORS, DrawnLine, command_lines
from platform_abi.testing.shipped.machine import packaged

if TYPE_CHECKING:
    from hypothesis.vendor.pretty import RepresentationPrinter


@frozen(kw_only=True)
class DrawnLock:
    """A lockfile, and the choices that it was made of."""

    line: DrawnLine
    platform: str
    abi: GuestAbi = field(repr=False)
    text: str = field(repr=False)

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """Let Hypothesis show what it is of, and not the whole of it."""
        del cycle
        printer.pretty(self.line)
        printer.text(f" on {self.platform}")


def platforms(catalogue: Catalogue | None = None) -> st.SearchStrategy[str]:
    """Return platforms of all released editions, with the edition and without.

    Shrinks to the first, which every host supports.
    """
    return st.sampled_from(_spellings(packaged() if catalogue is None else catalogue))


@remembered()
def _spellings(catalogue: Catalogue) -> list[str]:
    """Return what platforms of released editions are called: by the name, then with an edition."""
    newest = catalogue.newest_edition()
    if newest is None:
        return []
    released = [e for e in catalogue.editions() if edition_key(e) <= edition_key(newest)]
    known = list(catalogue.every_platform())
    return [
        *(each.name for each in known if each.is_at(newest)),
        *(f"{p.name}@{e}" for e in reversed(released) for p in known if p.is_at(e)),
    ]


@st.composite
def lockfiles(
    draw: st.DrawFn,
    catalogue: Catalogue | None = None,
    *,
    arch: str | None = None,
    builds: Collection[str] | None = None,
    accelerators: Sequence[str] = ACCELERATORS,
    boards: bool = False,
    most: int = 3,
) -> DrawnLock:
    """Draw the lockfile of one of ``command_lines`` on one of ``platforms``.

    What resolves to nothing is not drawn. Shrinks as the two of them do.
    """
    known = packaged() if catalogue is None else catalogue
    line = draw(
        command_lines(
            known, arch=arch, builds=builds, accelerators=accelerators, boards=boards, most=most
        )
    )
    platform = draw(platforms(known))
    try:
        abi = resolve(known, line.vm(known), platform)
    except PlatformAbiError:
        reject()
    return DrawnLock(line=line, platform=platform, abi=abi, text=lockfile(known, abi))
