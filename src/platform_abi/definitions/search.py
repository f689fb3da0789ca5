"""Where definitions are looked for: the packaged ones first, then each place of a site."""

from __future__ import annotations

import os
from collections.abc import Mapping

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
    """Return the folders that definitions are read from, first to last; those missing left out.

    *environment* stands for ``os.environ``; ``XDG_CONFIG_HOME``, ``HOME`` and
    ``PLATFORM_ABI_PATH`` are read from it. Relative ``XDG_CONFIG_HOME`` values are ignored, as
    the XDG base directory specification asks.
    """
    env = os.environ if environment is None else environment
    places = [
        packaged(),
        "/usr/share/platform-abi",
        "/usr/local/share/platform-abi",
        "/etc/platform-abi",
    ]
    config = env.get("XDG_CONFIG_HOME", "")
    home = env.get("HOME", "")
    if config.startswith("/"):
        places.append(f"{config}/platform-abi")
    elif home.startswith("/"):
        places.append(f"{home}/.config/platform-abi")
    given = [entry for entry in env.get(PATH_VARIABLE, "").split(os.pathsep) if entry]
    places += [os.path.abspath(entry) for entry in given]  # noqa: PTH100 - start-up time
    return tuple(place for place in dict.fromkeys(places) if os.path.isdir(place))  # noqa: PTH112 - as above
