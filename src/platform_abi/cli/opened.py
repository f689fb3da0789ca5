"""The catalogue as verbs have it: what is left out of it, because a file is wrong, is told."""

from __future__ import annotations

from functools import partial

from platform_abi.definitions.catalogue import FileCatalogue

# typing costs as much; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from platform_abi.errors import DefinitionError, HostError


def load_catalogue() -> FileCatalogue:
    """Return the catalogue of this site: a file that is wrong is told of, once, on stderr."""
    catalogue = FileCatalogue()
    catalogue.on_left_out = partial(_tell, {})
    return catalogue


def _tell(known: dict[str, str], what: str, error: DefinitionError | HostError) -> None:
    """Say that *what* was left out, and where its definition is wrong; *known* was said before."""
    from platform_abi.cli.render import note

    first, *others = error.lines
    more = f"; and {len(others)} more, which 'platform-abi lint' shows" if others else ""
    # What extends a platform that is wrong is wrong for the same reason.
    same = known.get(error.message)
    note("left out", f"{what}: {first}{more}" if same is None else f"{what}: as {same} is")
    known.setdefault(error.message, what)
