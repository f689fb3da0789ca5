"""A process that runs one module of this package, and little else of Python, beside its caller."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAM = (
    # Last, so that nothing beside this package shadows a module of the standard library.
    "import sys; sys.path.append(sys.argv[1]); "
    "from importlib import import_module; import_module(sys.argv[2]).main(*sys.argv[3:])"
)


def start_bare(
    module: str,
    arguments: Sequence[str] = (),
    *,
    stdin: int,
    stdout: int | None = None,
    python: str | None = None,
    session: bool = False,
) -> int:
    """Start ``main`` of *module* with *arguments*, and return the number of its process.

    It runs in *python*, this interpreter if it is None: quickly, and untouched by PYTHON* and the
    user's site. What it writes to its stdout, where that is None, and to its stderr is lost. With
    *session* it leads a session and a process group of its own: no signal of a terminal's reaches
    it. Raises OSError or ValueError where it cannot be started.

    A package that lies in no folder, because it came as one script, is in no other interpreter's
    reach. Then this process is forked: it is that script, and has one thread.
    """
    if not __spec__.has_location:
        return _forked(module, arguments, stdin, stdout, session)
    program = python or sys.executable or ""  # an embedding program may not know its own
    quiet = ["-B"] if sys.dont_write_bytecode else []
    package = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH120 - start-up time
    return os.posix_spawnp(
        program,
        [program, "-I", "-S", *quiet, "-c", _PROGRAM, package, module, *arguments],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
            if stdout is None
            else (os.POSIX_SPAWN_DUP2, stdout, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setsid=session,
        setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # which Python ignores
    )


def _forked(
    module: str, arguments: Sequence[str], stdin: int, stdout: int | None, session: bool
) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        if session:
            os.setsid()
        nothing = os.open(os.devnull, os.O_WRONLY)
        output = nothing if stdout is None else stdout
        for target, source in enumerate((stdin, output, nothing)):
            os.dup2(source, target)
        import_module(module).main(*arguments)
    finally:
        os._exit(1)
