"""A QEMU that no definition has is asked when it is first needed, and never again.

What it says is kept under its identity (``qemu.identity``) where ``definitions.learned`` has it.
Nothing depends on that: where it cannot be kept, or told whose it is, the QEMU is asked each time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from platform_abi.author.asking import Asked
from platform_abi.author.devices import Progress
from platform_abi.author.machines import Compat
from platform_abi.author.names import build_of
from platform_abi.author.observation import BuildDefinition, Given
from platform_abi.author.reading import TIMEOUT, observe_asked
from platform_abi.author.trace import traced_compat
from platform_abi.author.values import definition_values
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.definitions.compiling import compile_learned
from platform_abi.definitions.learned import (
    LearnedDefinitions,
    learned_file,
    learned_files,
)
from platform_abi.definitions.state import drop_oldest, keep_text, make_folder, user_folder
from platform_abi.errors import HostError, UsageError, printable
from platform_abi.files import reason
from platform_abi.launch.known import Tell, kept_qemu, known_before
from platform_abi.model.machine import CompatProperty, QemuBuild
from platform_abi.model.value import evolve
from platform_abi.qemu.binary import qemu_path
from platform_abi.qemu.identity import named_process, process_name, running_identity
from platform_abi.qemu.printed import ask_and_keep

#: So much of its identity is in the name of a build, in hexadecimal digits.
_NAMED = 12

#: So many QEMUs are kept in one folder; the one that was asked the longest ago goes. A file has
#: a quarter of a megabyte, and a QEMU that is gone never comes back under its identity.
_MOST_KEPT = 64

#: How long another process may take to ask the same QEMU before it is asked here too, in seconds.
_PATIENCE = 20.0
_GLANCE = 0.02


def known_qemu(
    catalogue: FileCatalogue,
    binary: str,
    tell: Tell,
    *,
    drivers: Collection[str] = (),
    timeout: float = TIMEOUT,
) -> tuple[FileCatalogue, QemuBuild]:
    """Return the build that *binary* is, and *catalogue* with what is known of it.

    It is one of the definitions where they have one of its version and package. Else it is what the
    QEMU has said of itself: when it was asked before, here or by root, or now. It is asked again
    where it lacked one of *drivers*, for its modules come and go. *timeout* in seconds bounds each
    of its answers.

    Raises HostError where it cannot be asked: what ``observe`` raises.
    """
    kept = known_before(catalogue, binary, tell, drivers)
    if kept is not None:
        return kept
    path = qemu_path(binary, os.environ, "")
    return _started(catalogue, path, tell, drivers, timeout)


def _started(
    catalogue: FileCatalogue,
    binary: str,
    tell: Tell,
    drivers: Collection[str],
    timeout: float,
) -> tuple[FileCatalogue, QemuBuild]:
    """Return what ``known_qemu`` does of a QEMU that has to be started for it."""
    name = process_name()
    with Asked(binary, timeout=timeout, arguments=named_process(name)) as qemu:
        found = running_identity(name, binary)
        identity = None if found is None else found.program
        folder = user_folder()
        with _alone(folder):
            # Meanwhile somebody else may have asked it.
            kept = None if identity is None else kept_qemu(catalogue, identity, tell, drivers)
            if kept is not None:
                return kept
            build = defined_build(catalogue, qemu)
            if build is None:
                shown = printable(os.path.basename(binary))  # noqa: PTH119 - a name only
                tell(f"{shown} is asked what it has: no definition is of this QEMU")
            # What nobody can tell apart is told from all else by a name that is used once.
            named = identity or f"process:{name}"
            if build is None:
                trace = partial(traced_compat, binary, timeout=timeout)
                data = learn(catalogue, qemu, named, Given(), trace)
            else:
                data = compile_learned(named, build, {})
            learned = LearnedDefinitions(data, named)
            if identity is None:
                tell(f"{printable(binary)} is asked each time: which program it starts is not seen")
            elif folder is None:
                tell("there is no home to keep that in, and it will be asked again")
            else:
                try:
                    keep(learned, folder)
                    ask_and_keep(binary, identity, folder)
                except HostError as error:
                    tell(f"{error.message}: it will be asked again")
    if build is not None:
        return catalogue, build
    catalogue = catalogue.with_learned(learned)
    return catalogue, catalogue.build(learned.build, learned.arch)


def defined_build(catalogue: FileCatalogue, qemu: Asked) -> QemuBuild | None:
    """Return the build of the definitions that *qemu* is, None for none.

    It is one where version, vendor and package are the same. A QEMU of which no vendor says which
    package it is may have been built of anything.
    """
    version, arch = qemu.execute("query-version"), str(qemu.execute("query-target")["arch"])
    return build_that_says(catalogue, version, arch)


def build_that_says(
    catalogue: FileCatalogue, version: Mapping[str, Any], arch: str
) -> QemuBuild | None:
    """Return what ``defined_build`` does of a QEMU for *arch* that answers *version*."""
    try:
        said = build_of(version, arch, catalogue.naming(), Given())
    except UsageError:
        return None
    for name in catalogue.builds(arch) if said.package else ():
        build = catalogue.build(name, arch)
        if (build.version, build.vendor, build.package) == (
            said.version,
            said.vendor,
            said.package,
        ):
            return build
    return None


def learn(
    catalogue: FileCatalogue, qemu: Asked, identity: str, given: Given, trace: Callable[[], Compat]
) -> bytes:
    """Return the file of what *qemu*, called *identity*, says of itself now.

    *given* and *trace* are as of ``observe_asked``, but that a vendor nobody knows is no error, and
    neither is it where *trace* raises HostError (``no-compiler``): then nobody compares what its
    machine types are made of.
    """
    untold: list[HostError] = []

    def traced() -> Compat:
        try:
            return trace()
        except HostError as error:
            untold.append(error)
            return _Untold()

    seen = _observed(catalogue, qemu, given, traced)
    return learned_data(seen, identity, compared=not untold)


def _observed(
    catalogue: FileCatalogue,
    qemu: Asked,
    given: Given,
    trace: Callable[[], Compat],
    progress: Progress | None = None,
) -> BuildDefinition:
    """Return what ``observe_asked`` does, of a vendor's QEMU that nobody knows as well.

    What is kept is called after its identity, so that no two vendors' builds have one name.
    """
    try:
        return observe_asked(catalogue, qemu, given, trace, progress)
    except UsageError as error:
        if error.code != "unknown-vendor":
            raise
        return observe_asked(catalogue, qemu, evolve(given, vendor="unknown"), trace, progress)


def learned_data(seen: BuildDefinition, identity: str, *, compared: bool = True) -> bytes:
    """Return the file of a QEMU called *identity* that was *seen*.

    It is called after its version, its vendor and its identity. Not to be *compared* is what its
    machine types are made of, where nobody has told that.
    """
    digits = "".join(c for c in identity.partition(":")[2] if c in "0123456789abcdef")
    build = seen.build
    vendor = "" if build.name.endswith(f"-{build.vendor}") else f"-{build.vendor}"
    name = f"{build.name}{vendor}-{digits[:_NAMED]}"
    values = definition_values(evolve(seen, build=evolve(build, name=name)))
    if not compared:
        del values["property-rows"]
    values["machines"] = values["machines"].with_digests()
    return compile_learned(identity, values["build"], values)


class _Untold(dict[str, tuple[CompatProperty, ...]]):
    """Compat properties of machine types, none of which is known."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> tuple[CompatProperty, ...]:
        return ()


def observe_identified(
    catalogue: FileCatalogue,
    binary: str,
    given: Given,
    *,
    named: bool = False,
    timeout: float = TIMEOUT,
    progress: Progress | None = None,
) -> tuple[BuildDefinition, str]:
    """Return what ``observe`` does, and the identity of the QEMU that says so.

    A vendor that nobody knows is no error, unless the build is to be *named* by it. Raises what
    ``observe`` raises besides, and HostError (``qemu-unidentified``) where nobody can tell.
    """
    name, path = process_name(), qemu_path(binary, os.environ, "")
    trace = partial(traced_compat, binary, timeout=timeout)
    with Asked(path, timeout=timeout, arguments=named_process(name)) as qemu:
        found = running_identity(name, path)
        if found is None:
            raise HostError(
                f"which program {printable(binary)} starts is not seen, so nothing is kept of it",
                code="qemu-unidentified",
                help="name the program itself, on the host that it runs on",
            )
        observed = observe_asked if named else _observed
        return observed(catalogue, qemu, given, trace, progress), found.program


# --- keeping -------------------------------------------------------------------------------------


def keep(learned: LearnedDefinitions, folder: str, *, shared: bool = False) -> str:
    """Write *learned* to its file in *folder*, whole or not at all, and return the file's name.

    A folder that is not there is made, for this user alone or, where it is *shared*, for all to
    read. Raises HostError (``write-failed``) where that is not possible, or where others than this
    user and root could write there.
    """
    file = learned_file(folder, learned.identity)
    try:
        keep_text(file, learned.data.decode(), shared=shared)
    except (OSError, ValueError) as error:
        raise HostError(
            f"cannot keep {printable(file)}: {reason(error)}",
            code="write-failed",
            help="let root keep it for all users: platform-abi import-qemu --system BINARY",
        ) from error
    drop_oldest(learned_files(folder), _MOST_KEPT)
    return file


@contextlib.contextmanager
def _alone(folder: str | None) -> Iterator[None]:
    """Let no other process of this user's ask a QEMU meanwhile, where that can be had."""
    with contextlib.ExitStack() as stack:
        if folder is not None:
            with contextlib.suppress(OSError, ValueError):
                stack.callback(os.close, _locked(folder))
        yield


def _locked(folder: str) -> int:
    """Return a descriptor that holds the lock of *folder*, or that waited for it long enough."""
    make_folder(folder, 0o700)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(f"{folder}/.lock", flags, 0o600)
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_GLANCE)
        else:
            break
    return descriptor
