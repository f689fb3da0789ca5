"""What a host is called that is to be asked: ``this``, or ``ssh:HOST`` as ssh(1) itself takes it.

The latter goes into a command line, and by ssh_config(5) perhaps into one that a shell reads. So it
is made of characters that mean nothing to a shell, and does not begin with one that means something
to ssh; those are also the ones that ssh itself takes, since OpenSSH 9.6.
"""

from __future__ import annotations

import re

from platform_abi.errors import UsageError, printable

#: The name that stands for the host that this runs on.
THIS = "this"

#: What the name of a host begins with that is asked over ssh; the rest is ssh's.
SCHEME = "ssh:"

_USER = r"(?:[A-Za-z0-9_][A-Za-z0-9_.+-]*@)?"
_HOST = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
#: IPv6, with a zone perhaps; in a URI it stands in brackets.
_ADDRESS = r"[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9_.-]+)?"

_PLAIN = re.compile(rf"{SCHEME}(?P<destination>{_USER}(?:{_HOST}|{_ADDRESS}))")
_URI = re.compile(rf"{SCHEME}//{_USER}(?:{_HOST}|\[{_ADDRESS}\])(?::[0-9]{{1,5}})?/?")


def destination(name: str) -> str:
    """Return what ssh(1) is given for the host *name*.

    That is the rest of ``ssh:HOST`` and ``ssh:USER@HOST``, and all of ``ssh://USER@HOST:PORT``.
    Raises UsageError (``bad-host``) for anything else.
    """
    plain = _PLAIN.fullmatch(name)
    if plain is not None:
        return plain["destination"]
    if _URI.fullmatch(name) is not None:
        return name
    raise UsageError(
        f"'{printable(name)}' names no host: expected ssh:HOST, ssh:USER@HOST or "
        "ssh://USER@HOST:PORT",
        code="bad-host",
        help="what else it takes to get there is for ssh_config(5), under a name of its own",
    )


def called(name: str) -> str:
    """Return what the report of the host *name* calls it."""
    return name.partition(SCHEME)[2].strip("/")
