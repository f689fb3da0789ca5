"""``masks/*.toml``: features that a site withdraws from platforms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from platform_abi.definitions.checks import Fault, name_fault
from platform_abi.definitions.files import File
from platform_abi.definitions.reading import Reader
from platform_abi.model.mask import ANY_PLATFORM, Mask
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class MaskEntry:
    """One ``[[mask]]``."""

    platform: str
    feature: str
    reason: str
    date: date


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    mask: tuple[MaskEntry, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for index, mask in enumerate(self.mask):
            if mask.platform != ANY_PLATFORM:
                yield from name_fault(("mask", index, "platform"), mask.platform)
            yield from name_fault(("mask", index, "feature"), mask.feature)
            if not mask.reason.strip():
                yield ("mask", index, "reason"), "a mask must say why"


def placed(reader: Reader) -> list[tuple[Mask, File, int]]:
    """Return every mask with its file, and which of the file's masks it is, from 0."""
    return [
        (
            Mask(
                platform=entry.platform,
                feature=entry.feature,
                reason=entry.reason,
                date=entry.date.isoformat(),
                source=file[1],
            ),
            file,
            index,
        )
        for document, file in reader.every(Document, "masks")
        for index, entry in enumerate(document.mask)
    ]


def merged(reader: Reader) -> tuple[Mask, ...]:
    """Return what all files withdraw."""
    return tuple(mask for mask, _, _ in placed(reader))
