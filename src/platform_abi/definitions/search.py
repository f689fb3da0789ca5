"""Where definitions are looked for: the packaged ones first, then each place of a site."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

#: Extra folders, separated as in PATH; each has the layout of the packaged ``definitions/``.
PATH_VARIABLE = "PLATFORM_ABI_PATH"


def packaged() -> Path:
    """Return the folder of the definitions that came with this package.

    An installed wheel has them inside the package. An editable checkout has them at its top; a
    copy inside the package would be a stale snapshot there, so the build puts it under a name
    that a checkout does not have.
    """
    package = Path(__file__).parent.parent
    installed = package / "definitions_data"
    return installed if installed.is_dir() else package.parent.parent / "definitions"


def search_path(environment: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Return the folders that definitions are read from, first to last; those missing left out.

    *environment* stands for ``os.environ``; ``XDG_CONFIG_HOME`` and ``PLATFORM_ABI_PATH`` are
    read from it. Empty and relative ``XDG_CONFIG_HOME`` values are ignored, as the XDG base
    directory specification asks.
    """
    env = os.environ if environment is None else environment
    places = [
        packaged(),
        Path("/usr/share/platform-abi"),
        Path("/usr/local/share/platform-abi"),
        Path("/etc/platform-abi"),
    ]
    config = env.get("XDG_CONFIG_HOME", "")
    if config.startswith("/"):
        places.append(Path(config, "platform-abi"))
    elif env.get("HOME", "").startswith("/"):
        places.append(Path(env["HOME"], ".config", "platform-abi"))
    places += [Path(entry) for entry in env.get(PATH_VARIABLE, "").split(os.pathsep) if entry]
    return tuple(dict.fromkeys(place for place in places if place.is_dir()))
