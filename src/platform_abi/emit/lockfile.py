"""The lockfile: a resolved guest ABI, stored beside the virtual machine.

It says everything that the arguments are made of, so that they can be written again byte for byte
by a later version with newer definitions. It is read by ``emit/lock_reading.py``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from platform_abi.emit.document import SHAPES, migratable
from platform_abi.emit.plain import plain
from platform_abi.errors import UsageError
from platform_abi.model.abi import (
    GuestAbi,
)
from platform_abi.model.digest import canonical_digest
from platform_abi.model.guest import MachineView
from platform_abi.model.value import evolve
from platform_abi.model.vm import VirtualMachine
from platform_abi.resolver.admission import portable_abi
from platform_abi.resolver.digest import abi_digest

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue

#: The layout of lockfiles that this version writes.
LOCK_SCHEMA = 2


def lock_text(abi: GuestAbi, *, definitions: str) -> str:
    """Return *abi* as the text of a lockfile.

    *definitions* is the digest of the platform's feature table, from ``platform_digest``. There
    are no fingerprints of the machine type in it unless *abi* has them; see ``lockfile``. Raises
    UsageError (``not-text``) for a value that is not Unicode text.
    """
    from platform_abi.emit.toml import toml_text

    body: dict[str, Any] = {
        "schema": LOCK_SCHEMA,
        "platform": abi.platform,
        "edition": abi.edition,
        "definitions": definitions,
        "machine-digest": abi.machine_digest,
        "digest": abi_digest(abi),
        "migratable": migratable(abi),
        "notes": list(abi.notes),
        "vm": _vm_document(abi.vm),
        "settings": _rows(abi.settings),
        "preconditions": _rows(abi.preconditions),
        "unpinned": _rows(abi.unpinned),
        "beyond-platform": _rows(abi.beyond),
        "obstacles": _rows(abi.obstacles),
    }
    if abi.content is not None:
        body["machine-content"] = {
            "build": abi.content.build,
            "drivers": dict(abi.content.drivers),
            **({"ran": True} if abi.content.ran else {}),
        }
    if abi.view is not None:
        body["guest-view"] = _view_document(abi.view)
    body["seal"] = canonical_digest(body)
    text = toml_text(body)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("a lockfile holds text only; a value is none", code="not-text") from None
    return text


def _view_document(view: MachineView) -> dict[str, Any]:
    return {
        "qemu": view.qemu,
        **({"looked": True} if view.looked else {}),
        "devices": {
            label: {
                "driver": device.driver,
                **({"untold": list(device.untold)} if device.untold else {}),
                "facts": dict(sorted(device.facts.items())),
            }
            for label, device in sorted(view.devices.items())
        },
    }


def _rows(values: Sequence[object]) -> list[dict[str, Any]]:
    """Return *values* as TOML can hold them: what is null is left out."""
    rows = plain(values, SHAPES)
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def lockfile(
    catalogue: Catalogue, abi: GuestAbi, *, build: str | None = None, ran: bool = False
) -> str:
    """Return *abi* as the text of a complete lockfile, with fingerprints of its machine type.

    They are what the machine type gives each driver of the virtual machine in *build*, else in the
    build that the ABI was resolved for, else in the newest with its machine type, and what
    ``compare_machine`` compares another build with. ``lock_text`` writes what *abi* has by itself.
    *ran* is whether a QEMU of *build* is started with it.

    Explicit values that name something of this host, such as a file, are left out, and a note says
    which: ``read_lock`` would refuse them.
    """
    from platform_abi.resolver.choice import parse_platform
    from platform_abi.resolver.digest import platform_digest
    from platform_abi.resolver.fingerprint import machine_content

    abi = portable_abi(catalogue, abi)
    name = parse_platform(abi.platform).name
    return lock_text(
        evolve(abi, content=evolve(machine_content(catalogue, abi, build), ran=ran)),
        definitions=platform_digest(catalogue, name, abi.edition),
    )


def rewritten(text: str) -> str:
    """Return lockfile *text*, which ``read_lock`` takes, as it is written here: what it says only.

    Whoever wrote it may have left comments, and characters that a terminal does not show.
    """
    from platform_abi.emit.toml import toml_text

    return toml_text(tomllib.loads(text))


def with_allowed(text: str, entries: Sequence[Mapping[str, str]]) -> str:
    """Return lockfile *text* with *entries* added to what was let pass when it was started.

    An entry says ``by`` what it was let pass, which ``finding`` it was and its ``message``. What is
    recorded already is not recorded twice; *text* is what ``read_lock`` takes.
    """
    from platform_abi.emit.toml import toml_text

    body = tomllib.loads(text)
    known = body.setdefault("allowed", [])
    for entry in map(dict, entries):
        if entry not in known:
            known.append(entry)
    del body["seal"]
    body["seal"] = canonical_digest(body)
    return toml_text(body)


def with_view(text: str, view: MachineView) -> str:
    """Return lockfile *text* with *view* for what the guest finds, in the place of another.

    *text* is what ``read_lock`` takes.
    """
    from platform_abi.emit.toml import toml_text

    body = tomllib.loads(text)
    body["guest-view"] = _view_document(view)
    del body["seal"]
    body["seal"] = canonical_digest(body)
    return toml_text(body)


def _vm_document(vm: VirtualMachine) -> dict[str, Any]:
    document: dict[str, Any] = {
        "machine": vm.machine,
        "arch": vm.arch,
        "accelerator": vm.accelerator,
        "machine-options": [list(pair) for pair in vm.machine_options],
        "devices": [
            {
                "driver": d.driver,
                **({} if d.id is None else {"id": d.id}),
                "backend": d.backend,
                "properties": [list(pair) for pair in d.properties],
                **({"open-options": list(d.open_options)} if d.open_options else {}),
            }
            for d in vm.devices
        ],
        "globals": [[g.driver, g.property, g.value] for g in vm.globals],
    }
    if vm.build is not None:
        document["build"] = vm.build
    if vm.hardware is not None:
        document["hardware"] = dict(vm.hardware)
    if vm.seen:
        document["seen"] = list(vm.seen)
    if vm.cpu is not None:
        document["cpu"] = {
            "model": vm.cpu.model,
            "properties": [list(pair) for pair in vm.cpu.properties],
        }
    return document
