"""``editions/EDITION.toml``: the digest of each platform's feature table at that edition.

One that may still change is called ``EDITION-open.toml``, so that who chooses a platform need not
read any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from platform_abi.definitions.checks import Fault, edition_faults
from platform_abi.definitions.reading import Reader
from platform_abi.model.platform import OPEN, Edition
from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    edition: str
    released: date | None = None
    platforms: Mapping[str, str] = field(factory=dict)

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        yield from edition_faults(("edition",), self.edition)


def merged(reader: Reader, name: str) -> Edition:
    """Return the lock of the edition whose file is called *name*."""
    document, file = reader.one(Document, f"edition {name}", "editions", name)
    reader.same_name(file, ("edition",), name.removesuffix(OPEN), document.edition)
    released = document.released
    return Edition(
        name=document.edition,
        open=name.endswith(OPEN),
        released=None if released is None else released.isoformat(),
        platforms=document.platforms,
    )
