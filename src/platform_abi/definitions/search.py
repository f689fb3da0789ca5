"""Where definitions are looked for: the packaged ones first, then each place of a site."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping

from platform_abi.errors import HostError, printable
from platform_abi.files import reason

#: Extra folders, separated as in PATH; each has the layout of the packaged ``definitions/``.
PATH_VARIABLE = "PLATFORM_ABI_PATH"


def packaged() -> str:
    """Return the folder of the definitions that came with this package.

    An installed wheel has them inside the package. An editable checkout has them at its top; a
    copy inside the package would be a stale snapshot there, so the build puts it under a name
    that a checkout does not have.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - start-up time
    installed = f"{package}/definitions_data"
    if os.path.isdir(installed):  # noqa: PTH112 - start-up time
        return installed
    return os.path.join(os.path.dirname(os.path.dirname(package)), "definitions")  # noqa: PTH118, PTH120 - as above


def search_path(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the folders that definitions are read from, first to last.

    Places where a site or a user may have definitions are left out where there is nothing. What
    ``PLATFORM_ABI_PATH`` names must be a folder: without a mask that is meant to be there, one user
    would get another ABI than the next. Raises HostError (``definitions-missing``) if it is not, or
    if nobody can tell whether a system-wide folder is there.

    *environment* stands for ``os.environ``; ``XDG_CONFIG_HOME``, ``HOME`` and
    ``PLATFORM_ABI_PATH`` are read from it. Relative ``XDG_CONFIG_HOME`` values are ignored, as
    the XDG base directory specification asks.
    """
    return tuple(
        dict.fromkeys(place for place, whose in candidates(environment) if _is_there(place, whose))
    )


#: Whose definitions a folder may have, besides the package's: *named* is by ``PLATFORM_ABI_PATH``.
PACKAGE, SYSTEM, USER, NAMED = "package", "system", "user", "named"


def candidates(environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield every folder that ``search_path`` looks at, there or not, and whose it would be."""
    env = os.environ if environment is None else environment
    yield packaged(), PACKAGE
    for place in _SYSTEM:
        yield place, SYSTEM
    config = env.get("XDG_CONFIG_HOME", "")
    home = env.get("HOME", "")
    base = config if config.startswith("/") else f"{home}/.config" if home.startswith("/") else ""
    if base:
        yield f"{base}/platform-abi", USER
    for entry in env.get(PATH_VARIABLE, "").split(os.pathsep):
        if entry:
            yield os.path.abspath(entry), NAMED  # noqa: PTH100 - start-up time


def _is_there(place: str, whose: str) -> bool:
    if whose == USER:
        # A service may run with the HOME of somebody else, whose definitions are not its own.
        return os.path.isdir(place)  # noqa: PTH112 - start-up time
    return _is_folder(place, wanted=whose == NAMED)


#: Where distributions and administrators put definitions.
_SYSTEM = ("/usr/share/platform-abi", "/usr/local/share/platform-abi", "/etc/platform-abi")


def _is_folder(place: str, *, wanted: bool) -> bool:
    """Return whether *place* is a folder; raises HostError where it must be, or nobody can tell."""
    try:
        if stat.S_ISDIR(os.stat(place).st_mode):  # noqa: PTH116 - start-up time
            return True
        why = "it is no folder"
    except (FileNotFoundError, NotADirectoryError) as error:
        why = reason(error)
    except (OSError, ValueError) as error:
        wanted, why = True, reason(error)
    if wanted:
        raise HostError(
            f"definitions of {printable(place)} cannot be read: {why}",
            code="definitions-missing",
            help=f"{PATH_VARIABLE} names folders that are there and readable",
        )
    return False
