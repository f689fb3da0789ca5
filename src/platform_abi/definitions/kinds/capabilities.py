"""``capabilities/*.toml``: what a host may offer, since which kernel, and how it is probed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from platform_abi.definitions.checks import Fault, Path, edition_faults, name_faults, version_faults
from platform_abi.definitions.files import File
from platform_abi.definitions.reading import Reader, merge
from platform_abi.errors import DefinitionError, HostError
from platform_abi.model.capability import NO_KERNEL, Capability
from platform_abi.model.value import evolve, frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    #: Operating systems of which alone hosts have what is in the file; empty: any.
    systems: tuple[str, ...] = ()
    #: Architectures of which alone hosts have it; empty: any.
    arch: tuple[str, ...] = ()
    capability: tuple[Capability, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        yield from name_faults(("capability",), (each.id for each in self.capability))
        for index, capability in enumerate(self.capability):
            path: Path = ("capability", index)
            yield from _since_faults((*path, "since"), capability.since)
            for edition, before in capability.before.items():
                yield from edition_faults((*path, "before", edition), edition)
                yield from _since_faults((*path, "before", edition, "since"), before.since)


def _since_faults(path: Path, since: str | None) -> Iterator[Fault]:
    if since != NO_KERNEL:
        wanted = "a kernel release such as '6.2', or 'never'"
        yield from version_faults(path, since, wanted, sep=";")


def merged(reader: Reader) -> dict[str, Capability]:
    """Return every capability by id."""
    return _together(reader.every(Document, "capabilities"))


def sound(
    reader: Reader, leave_out: Callable[[str, DefinitionError | HostError], None]
) -> dict[str, Capability]:
    """Return every capability by id, but those of files that are wrong by themselves.

    Each of these files is given to *leave_out*, with what is wrong. Which of two meanings counts
    nobody can tell: those are an error here as well.
    """
    documents: list[tuple[Document, File]] = []
    for file in reader.files.of("capabilities"):
        try:
            documents.append((reader.document(Document, file), file))
        except (DefinitionError, HostError) as error:
            leave_out(f"capabilities of {file[1]}", error)
    return _together(documents)


def _together(documents: Iterable[tuple[Document, File]]) -> dict[str, Capability]:
    """Return by id what is in *documents*."""
    every: dict[str, tuple[Capability, File]] = {}
    for document, file in documents:
        for entry in (
            evolve(c, systems=c.systems or document.systems, arch=c.arch or document.arch)
            for c in document.capability
        ):
            merge(every, f"capability {entry.id}", entry.id, entry, file)
    return {name: every[name][0] for name in sorted(every)}
