"""A lockfile read: whoever wrote it, it is input and not authority.

Its seal shows a change by accident; it proves nothing about who wrote it, as anybody can compute
one. See ``resolver/admission.py`` for what a lockfile may say.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.definitions.search import search_path
from platform_abi.emit.lockfile import LOCK_SCHEMA
from platform_abi.errors import LockError, UsageError, printable
from platform_abi.files import read_bytes, untrusted
from platform_abi.model.abi import (
    Beyond,
    GuestAbi,
    MachineContent,
    Obstacle,
    Precondition,
    Setting,
    Unpinned,
)
from platform_abi.model.digest import canonical_digest
from platform_abi.model.guest import DeviceView, MachineView
from platform_abi.model.value import FrozenDict, field_names
from platform_abi.model.vm import Cpu, Device, GlobalProperty, VirtualMachine
from platform_abi.resolver.admission import refusals
from platform_abi.resolver.digest import abi_digest

if TYPE_CHECKING:
    from pathlib import Path

    from platform_abi.model.catalogue import Catalogue

#: No lockfile comes near this; a larger file is a mistake. In bytes.
MAX_SIZE = 16 * 1024 * 1024

#: The layouts that it reads. Those of the first say nothing of a machine's vCPUs, memory, disks and
#: ROMs, nor where its devices are.
LOCK_SCHEMAS = (1, LOCK_SCHEMA)


def load_lock(name: str, *, catalogue: Catalogue | None = None) -> GuestAbi:
    """Return the guest ABI of the lockfile *name*; raises HostError and what ``read_lock`` does."""
    return read_lock(read_text(name), name, catalogue=catalogue)


def read_lock(text: str, name: str, *, catalogue: Catalogue | None = None) -> GuestAbi:
    """Return the guest ABI that lockfile *text* holds; *name* is what errors call the file.

    *catalogue* says what a lockfile may say; without one it is the packaged definitions with those
    of this site. Raises LockError where it is no lockfile, has another schema, does not match its
    seal (``lock-changed``), or says what only a command line may (``lock-refused``).
    """
    abi = parse_lock(text, name)
    if catalogue is None:
        catalogue = _usual_catalogue(search_path())
    refused = [printable(each) for each in refusals(catalogue, abi)]
    if refused:
        raise LockError(
            f"{name}: says what no lockfile may say: {'; '.join(refused)}",
            code="lock-refused",
            help="a lockfile says what features drive and what names nothing of a host; write the "
            "rest on QEMU's own command line, and resolve again",
        )
    return abi


@lru_cache(maxsize=1)
def _usual_catalogue(roots: tuple[str, ...]) -> Catalogue:
    return FileCatalogue(roots)


def parse_lock(text: str, name: str) -> GuestAbi:
    """Return what lockfile *text* says, whoever wrote it: nothing to start a QEMU with.

    Raises LockError as ``read_lock`` does, but for ``lock-refused``.
    """
    return abi_of_document(lock_document(text, name), name)


def lock_document(text: str, name: str) -> dict[str, Any]:
    """Return lockfile *text* as plain data, of which nothing was looked at.

    Raises LockError (``lock-syntax``) where it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise LockError(f"{name}: not a lockfile: {error}", code="lock-syntax") from None


def abi_of_document(document: Mapping[str, Any], name: str) -> GuestAbi:
    """Return what a lockfile says that is *document* as plain data, as ``parse_lock`` does."""
    body = dict(document)
    schema = body.get("schema")
    if type(schema) is not int or schema not in LOCK_SCHEMAS:
        raise LockError(
            f"{name}: expected schema = {LOCK_SCHEMA} or older, found {schema!r}",
            code="lock-schema",
            help="it was written by a newer version, or is no lockfile",
        )
    seal = body.pop("seal", None)
    if seal != canonical_digest(_plain(body)):
        raise LockError(
            f"{name}: the content does not match its seal",
            code="lock-changed",
            help="it was edited or damaged; resolve again, or restore the file",
        )
    try:
        abi = _abi(body)
        _check_texts(abi)
        changed = abi_digest(abi) != body["digest"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LockError(f"{name}: damaged: {error!r}", code="lock-damaged") from None
    if changed:
        raise LockError(f"{name}: the settings do not match the digest", code="lock-changed")
    return abi


def _plain(value: Any) -> Any:
    """Return *value* with dates and times as text, which canonical JSON can hold."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _check_texts(value: Any) -> None:
    """Raise TypeError where something in an ABI is no text, no tuple and no class of the model."""
    if names := field_names(type(value)):
        for name in names:
            inner = getattr(value, name)
            # A table in the place of a text would be taken for one of those that a view has.
            if isinstance(inner, Mapping) and not isinstance(inner, FrozenDict):
                raise TypeError(f"{inner!r} is not text")
            _check_texts(inner)
    elif isinstance(value, Mapping):
        for pair in value.items():
            _check_texts(pair)
    elif isinstance(value, tuple):
        for inner in value:
            _check_texts(inner)
    elif value is not None and not isinstance(value, (str, bool)):
        raise TypeError(f"{value!r} is not text")


def _abi(body: dict[str, Any]) -> GuestAbi:
    return GuestAbi(
        vm=_vm(body["vm"]),
        platform=body["platform"],
        edition=body["edition"],
        settings=tuple(Setting(**entry) for entry in body["settings"]),
        preconditions=tuple(
            Precondition(capability=entry["capability"], because=tuple(entry["because"]))
            for entry in body["preconditions"]
        ),
        unpinned=tuple(Unpinned(**entry) for entry in body["unpinned"]),
        beyond=tuple(
            Beyond(**{"device": None, **entry, "missing": tuple(entry["missing"])})
            for entry in body["beyond-platform"]
        ),
        notes=tuple(body["notes"]),
        # Lockfiles of before there were any do not say; check works them out anew in any case.
        obstacles=tuple(Obstacle(**entry) for entry in body.get("obstacles", [])),
        machine_digest=body["machine-digest"],
        content=_content(body.get("machine-content")),
        view=_view(body.get("guest-view")),
    )


def _view(body: dict[str, Any] | None) -> MachineView | None:
    """Return what a lockfile says that the guest finds; None where nobody recorded it."""
    if body is None:
        return None
    return MachineView(
        qemu=body["qemu"],
        looked=body.get("looked", False) is True,
        devices={
            label: DeviceView(
                driver=device["driver"],
                facts=dict(device["facts"]),
                untold=tuple(device.get("untold", ())),
            )
            for label, device in body["devices"].items()
        },
    )


def _content(body: dict[str, Any] | None) -> MachineContent | None:
    """Return the fingerprints of a lockfile; those written before there were any have none."""
    if body is None:
        return None
    return MachineContent(
        build=body["build"],
        drivers=tuple((driver, body["drivers"][driver]) for driver in sorted(body["drivers"])),
        ran=body.get("ran", False) is True,
    )


def _vm(body: dict[str, Any]) -> VirtualMachine:
    cpu, hardware = body.get("cpu"), body.get("hardware")
    return VirtualMachine(
        machine=body["machine"],
        arch=body["arch"],
        accelerator=body["accelerator"],
        cpu=None if cpu is None else Cpu(model=cpu["model"], properties=_pairs(cpu["properties"])),
        devices=tuple(
            Device(
                driver=d["driver"],
                id=d.get("id"),
                backend=d["backend"],
                properties=_pairs(d["properties"]),
                # What was locked before a platform could set any has none.
                open_options=tuple(d.get("open-options", ())),
            )
            for d in body["devices"]
        ),
        globals=tuple(GlobalProperty(driver=d, property=p, value=v) for d, p, v in body["globals"]),
        machine_options=_pairs(body["machine-options"]),
        build=body.get("build"),
        hardware=None if hardware is None else tuple(sorted(hardware.items())),
        seen=tuple(body.get("seen", ())),
    )


def _pairs(rows: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in rows)


def read_text(name: str | Path) -> str:
    """Return the text of the lockfile *name*.

    Raises HostError (``read-failed``) where it is no regular file or cannot be read, LockError
    where it is too large or no text (``lock-syntax``), or where this site takes none that others
    could have written (``lock-untrusted``).
    """
    data = read_bytes(name, MAX_SIZE)
    check_owner(name)
    return text_of(data, str(name))


def text_of(data: bytes, name: str) -> str:
    """Return the text of the lockfile *name*, which holds *data*; raises LockError for no text."""
    if len(data) > MAX_SIZE:
        raise LockError(f"{name}: larger than {MAX_SIZE} bytes", code="lock-syntax")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise LockError(f"{name}: not UTF-8", code="lock-syntax") from None


#: Which lockfiles a site takes: ``trusted`` ones, that nobody but root and this user can write, or,
#: where it is not set, ``any``: what a lockfile may say is bounded, whoever wrote it.
OWNER_VARIABLE = "PLATFORM_ABI_LOCKS"


def check_owner(name: str | Path) -> None:
    """Raise LockError (``lock-untrusted``) where this site does not take the lockfile *name*."""
    wanted = os.environ.get(OWNER_VARIABLE) or "any"
    if wanted not in {"any", "trusted"}:
        raise UsageError(
            f"{OWNER_VARIABLE} is any or trusted, found '{wanted}'",
            code="usage",
        )
    if wanted == "any":
        return
    try:
        reason = untrusted(name)
    except OSError as error:
        reason = str(error)
    if reason:
        raise LockError(
            f"{name}: {reason}, and {OWNER_VARIABLE}=trusted takes no such lockfile",
            code="lock-untrusted",
            help="where you know what is in it: chown root FILE and chmod go-w FILE, in a folder "
            "that only root or you can write to",
        )
