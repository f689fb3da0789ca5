"""Files that are kept of QEMUs, below a folder that root fills and one of the user's.

Each can be made again, and whoever reads one asks first who could have written it
(``files.untrusted``).
"""

from __future__ import annotations

import contextlib
import os

from platform_abi.files import untrusted, write_text

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: Names the folder of the system in place of the usual one.
SYSTEM_VARIABLE = "PLATFORM_ABI_STATE"

#: Where the File Hierarchy Standard 3.0 has what programs keep and nobody edits (5.8).
_SYSTEM = "/var/lib/platform-abi"

#: Below either folder.
_FOLDER = "qemu"


def state_folders(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the folders that may hold what was learned: the system's, then the user's."""
    user = user_folder(environment)
    return (system_folder(environment), *((user,) if user else ()))


def system_folder(environment: Mapping[str, str] | None = None) -> str:
    """Return the folder that root fills for all: below ``PLATFORM_ABI_STATE``, if it is given."""
    env = os.environ if environment is None else environment
    given = env.get(SYSTEM_VARIABLE, "")
    return f"{given if given.startswith('/') else _SYSTEM}/{_FOLDER}"


def user_folder(environment: Mapping[str, str] | None = None) -> str | None:
    """Return this user's folder, None where the user has no home.

    It is below ``XDG_STATE_HOME``, else ``~/.local/state``; a relative one is ignored, as the XDG
    base directory specification asks.
    """
    env = os.environ if environment is None else environment
    state, home = env.get("XDG_STATE_HOME", ""), env.get("HOME", "")
    if state.startswith("/"):
        return f"{state}/platform-abi/{_FOLDER}"
    if home.startswith("/"):
        return f"{home.rstrip('/')}/.local/state/platform-abi/{_FOLDER}"
    return None


def keep_text(file: str, text: str, *, shared: bool = False) -> None:
    """Write *text* to *file*, whole or not at all.

    A folder that is not there is made, for this user alone or, where it is *shared*, for all to
    read. Raises OSError and ValueError where that is not possible, HostError (``write-failed``)
    where the file system refuses; PermissionError where others than this user and root could write
    to the folder.
    """
    folder = os.path.dirname(file)  # noqa: PTH120 - a name may hold any bytes
    make_folder(folder, 0o755 if shared else 0o700)
    if why := untrusted(folder):
        raise PermissionError(why)
    with contextlib.suppress(FileNotFoundError):
        if untrusted(file):  # what replaces it would stay its owner's
            os.unlink(file)  # noqa: PTH108 - as above
    write_text(file, text, mode=0o644)


def make_folder(folder: str, mode: int) -> None:
    """Make *folder* and those that it is in, of *mode* whatever the umask."""
    parent = os.path.dirname(folder)  # noqa: PTH120 - as above
    if not os.path.isdir(folder):  # noqa: PTH112 - as above
        make_folder(parent, mode)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, mode)  # noqa: PTH102 - as above
            os.chmod(folder, mode)  # noqa: PTH101 - as above


def drop_oldest(files: Collection[str], most: int) -> None:
    """Remove all of *files* but the *most* that were written last."""
    if len(files) > most:
        with contextlib.suppress(OSError):
            ages = sorted((os.stat(file).st_mtime, file) for file in files)  # noqa: PTH116 - as above
            for _, file in ages[: len(files) - most]:
                os.unlink(file)  # noqa: PTH108 - as above
