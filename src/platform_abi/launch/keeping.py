"""The lockfile of a start: what it holds before, what it holds after, and taking that back."""

from __future__ import annotations

import os

from platform_abi.emit.lock_reading import read_lock, read_text
from platform_abi.emit.lockfile import lockfile, with_allowed
from platform_abi.files import write_text
from platform_abi.launch.platform_option import PlatformOption
from platform_abi.launch.start import Start
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Kept:
    """A lockfile as it was before a start: *text* and *abi* are None where it was not there."""

    name: str
    text: str | None = None
    abi: GuestAbi | None = None


def read_kept(catalogue: Catalogue, name: str) -> Kept:
    """Return the lockfile called *name*; raises HostError and LockError as ``read_lock`` does."""
    if not os.path.exists(name):  # noqa: PTH110 - a name may hold bytes that are no text
        return Kept(name=name)
    text = read_text(name)
    return Kept(name=name, text=text, abi=read_lock(text, name, catalogue=catalogue))


def keep(catalogue: Catalogue, kept: Kept, begun: Start, option: PlatformOption) -> bool:
    """Write the lockfile of *begun*, whole or not at all; return whether there was anything to.

    Raises HostError where it cannot be written.
    """
    text = kept.text
    if text is None or not begun.kept:
        # What was plugged in changes nothing of what its first build made of the machine type.
        first = begun.abi.content
        if first is not None and catalogue.has_build(first.build, begun.abi.vm.arch):
            text = lockfile(catalogue, begun.abi, build=first.build, ran=first.ran)
        else:
            known = begun.build is not None
            text = lockfile(catalogue, begun.abi, build=begun.build, ran=known)
    if begun.allowed:
        by = "force" if option.force else "allow-unknown"
        text = with_allowed(
            text, [{"by": by, "finding": f.code, "message": f.message} for f in begun.allowed]
        )
    if text == kept.text:
        return False
    write_text(kept.name, text)
    return True


def take_back(kept: Kept) -> None:
    """Leave the lockfile as it was before; raises HostError where it cannot be written."""
    if kept.text is None:
        os.unlink(kept.name)  # noqa: PTH108 - a name may hold bytes that are no text
    else:
        write_text(kept.name, kept.text)
