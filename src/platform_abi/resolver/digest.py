"""What identifies a guest ABI, and what a platform means at an edition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from platform_abi.model.abi import GuestAbi
from platform_abi.model.device import MACHINE
from platform_abi.model.digest import canonical_digest
from platform_abi.model.platform import edition_key
from platform_abi.model.vm import BEHIND, DEVICE

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.feature import Feature
    from platform_abi.model.vm import Properties


def abi_digest(abi: GuestAbi) -> str:
    """Return the identity of a guest ABI.

    Two resolutions that give a guest the same have one digest, whatever platform they were made
    from: names of platforms, layers, sources and notes are left out.
    """
    vm = abi.vm
    body: dict[str, Any] = {
        "machine": [vm.machine, vm.arch, vm.accelerator],
        "cpu": None if vm.cpu is None else [vm.cpu.model, _effective(vm.cpu.properties)],
        "preconditions": sorted(p.capability for p in abi.preconditions),
    }
    if vm.hardware is None:
        settled = {s.property for s in abi.settings if s.driver == MACHINE}
        options = {k: v for k, v in vm.machine_options if k not in settled}
        body |= {
            "options": _effective(tuple(options.items())),
            "devices": [[d.driver, d.id, d.backend, _effective(d.properties)] for d in vm.devices],
            "settings": sorted(
                [s.driver, s.property, s.value, s.device or ""] for s in abi.settings
            ),
            "unpinned": sorted(u.what for u in abi.unpinned),
        }
    else:
        body |= _by_hardware(abi, dict(vm.hardware))
    return canonical_digest(body)


def _by_hardware(abi: GuestAbi, hardware: dict[str, str]) -> dict[str, Any]:
    """Return what identifies an ABI whose hardware is known: no label of a device is in it."""
    labels = abi.vm.labels()
    told = {label: hardware[f"{DEVICE}{label}"] for label in labels}
    settled = {f"{MACHINE}.{s.property}" for s in abi.settings if s.driver == MACHINE}
    unpinned = [u.what for u in abi.unpinned]
    for label, text in told.items():
        unpinned = [what.replace(f"({label})", f"({text})") for what in unpinned]
    return {
        "hardware": sorted(
            [name, text]
            for name, text in hardware.items()
            if name not in settled and not name.startswith((DEVICE, BEHIND))
        ),
        "devices": sorted(told.values()),
        "settings": sorted(
            [s.driver, s.property, s.value, "" if s.device is None else told[s.device]]
            for s in abi.settings
            if s.layer != "global"
        ),
        "globals": _globals(abi),
        "unpinned": sorted(unpinned),
    }


def _globals(abi: GuestAbi) -> list[list[str]]:
    """Return explicit globals by their property, those of one in their order: the last counts."""
    last = {(s.driver, s.property): s for s in abi.settings if s.layer == "global"}
    # One that is said again counts where it is said last.
    ordered = sorted(
        last.values(), key=lambda s: (s.property, _last_place(abi, s.driver, s.property))
    )
    return [[s.driver, s.property, s.value] for s in ordered]


def _last_place(abi: GuestAbi, driver: str, name: str) -> int:
    return max(
        place for place, s in enumerate(abi.settings) if (s.driver, s.property) == (driver, name)
    )


def _effective(given: Properties) -> list[tuple[str, str]]:
    """Return what counts of *given*: the last of equal keys, in whatever order the keys came."""
    return sorted(dict(given).items())


def platform_digest(catalogue: Catalogue, name: str, edition: str) -> str:
    """Return the digest of what *name* means at *edition*: its whole feature table.

    This is what a released edition locks: whatever a resolution depends on, and nothing else.
    """
    platform = catalogue.platform(name)
    at = edition_key(edition)
    table = []
    for feature in catalogue.features_at(at):
        listing = catalogue.listing(platform, feature)
        listed = None if listing is None else listing.at(at)
        table.append([feature.id, listed, *_meaning(feature)])
    return canonical_digest(sorted(table, key=lambda row: str(row[0])))


def _meaning(feature: Feature) -> list[Any]:
    return [
        feature.kind,
        feature.generation,
        feature.until,
        [list(feature.arch), list(feature.accelerators), list(feature.machines)],
        [list(feature.cpus), list(feature.not_cpus), list(feature.drivers), list(feature.when)],
        feature.fallback,
        feature.when_supported,
        feature.opt_in,
        list(feature.properties),
        {backend: list(needs) for backend, needs in feature.requires.items()},
    ]
