"""What ``-platform`` says."""

from __future__ import annotations

from typing import Literal

from platform_abi.errors import UsageError, unknown
from platform_abi.launch.command_line import PLATFORM, CommandLine
from platform_abi.model.option_language import split_options
from platform_abi.model.value import frozen
from platform_abi.resolver.explicit import BOOLEANS

_SWITCHES = ("force", "allow-unknown", "strict", "look")

#: What is neither on nor off where nobody says it.
_LEFT = ("look",)


@frozen(kw_only=True)
class PlatformOption:
    """The choice of a platform: by *name*, *none* at all, the *default*, or *help* is asked for.

    *platform* is ``NAME[@EDITION][,FEATURE=VALUE...]``, None where the option names none. *lock* is
    the lockfile to keep the choice in, and *look* whether what a guest finds in this QEMU is looked
    at for it; None: where nobody knows that.
    """

    kind: Literal["name", "help", "none", "default"] = "default"
    platform: str | None = None
    lock: str | None = None
    force: bool = False
    allow_unknown: bool = False
    strict: bool = False
    look: bool | None = None


def platform_option(line: CommandLine) -> PlatformOption:
    """Return what every ``-platform`` of *line* says together.

    Given several times they are merged and the later one counts, as QEMU does with ``-machine``;
    what an earlier one switched over for its own platform goes with it where the later names one.

    Raises UsageError (``platform-option``) for a ``-platform`` that QEMU's option language cannot
    read, or a switch that is neither on nor off.
    """
    texts = line.values(PLATFORM)
    if len(texts) != sum(option.name == PLATFORM for option in line.options):
        raise UsageError(
            "-platform: requires an argument",
            code="platform-option",
            help="as in -platform linux-6.9; -platform help lists all",
        )
    name: str | None = None
    features: list[str] = []
    other: dict[str, str] = {}
    for text in texts:
        for key, value in split_options(text, "name"):
            if key == "name":
                name, features = value, []
            elif "." in key:
                features.append(f"{key}={value}")
            else:
                other[key] = value
    return _option(name, features, other)


def _option(name: str | None, features: list[str], other: dict[str, str]) -> PlatformOption:
    for key in other:
        if key not in (*_SWITCHES, "lock"):
            known = (*_SWITCHES, "lock")
            raise unknown("key of -platform", key, known, code="unknown-platform-key")
    switches = {
        key.replace("-", "_"): _switch(other, key)
        for key in _SWITCHES
        if key in other or key not in _LEFT
    }
    lock = other.get("lock")
    if lock == "":
        raise UsageError("-platform: lock= names no file", code="platform-option")
    if switches.get("look") and lock is None:
        raise UsageError(
            "-platform: look=on looks at QEMU for a lockfile",
            code="platform-option",
            help="name one with lock=FILE",
        )
    if name in ("help", "?"):
        return PlatformOption(kind="help")
    if name == "none":
        if features or other:
            raise UsageError("-platform none takes nothing else", code="platform-option")
        return PlatformOption(kind="none")
    if name is None and features:
        raise UsageError(
            f"-platform {','.join(features)} names no platform",
            code="platform-option",
            help=f"as in -platform linux-6.9,{features[0]}",
        )
    platform = None if name is None else ",".join([name, *features])
    kind: Literal["name", "default"] = "default" if name is None else "name"
    return PlatformOption(kind=kind, platform=platform, lock=lock, **switches)


def _switch(given: dict[str, str], key: str) -> bool:
    value = given.get(key, "off")
    if value not in BOOLEANS:
        raise UsageError(f"-platform: {key} is on or off, found '{value}'", code="platform-option")
    return BOOLEANS[value] == "on"
