"""What differs between two platforms, or between two guest ABIs."""

from __future__ import annotations

from platform_abi.errors import of_device
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.platform import PlatformReference, edition_key
from platform_abi.model.value import frozen
from platform_abi.model.vm import DEVICE
from platform_abi.resolver.choice import check_override, choose_edition, parse_platform


@frozen(kw_only=True)
class PlatformDifference:
    """A feature that two platforms list differently; None where one does not list it."""

    feature: str
    before: str | None
    after: str | None
    title: str


@frozen(kw_only=True)
class AbiDifference:
    """Something that two guest ABIs do not share; None where one does not have it."""

    kind: str
    what: str
    before: str | None
    after: str | None


def diff_platforms(
    catalogue: Catalogue, before: PlatformReference | str, after: PlatformReference | str
) -> list[PlatformDifference]:
    """Return every feature whose listing differs between two platforms, sorted by feature."""
    first, second = (listed(catalogue, choice) for choice in (before, after))
    titles = {feature.id: feature.title for feature in catalogue.every_feature()}
    return [
        PlatformDifference(
            feature=name, title=titles[name], before=first.get(name), after=second.get(name)
        )
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
    ]


def listed(catalogue: Catalogue, choice: PlatformReference | str) -> dict[str, str]:
    """Return every feature that a platform lists, with its default, overrides included.

    Raises UnknownNameError for an override of what is no feature, UsageError for a value it
    cannot have.
    """
    reference = parse_platform(choice) if isinstance(choice, str) else choice
    at = edition_key(choose_edition(catalogue, reference))
    platform = catalogue.platform(reference.name)
    withdrawn = {m.feature for m in catalogue.masks() if m.covers(platform.name)}
    values: dict[str, str] = {}
    for feature in catalogue.features_at(at):
        listing = catalogue.listing(platform, feature)
        value = None if listing is None else listing.at(at)
        if value is not None and feature.id not in withdrawn:
            values[feature.id] = value
    for name, value in reference.overrides:
        check_override(catalogue, name, value)
        values[name] = value
    return values


def diff_abis(before: GuestAbi, after: GuestAbi) -> list[AbiDifference]:
    """Return what two guest ABIs do not share: machine, settings, preconditions, unpinned."""
    first, second = _facts(before), _facts(after)
    return [
        AbiDifference(kind=kind, what=what, before=first.get(key), after=second.get(key))
        for key in sorted(first.keys() | second.keys())
        for kind, what in [key]
        if first.get(key) != second.get(key)
    ]


def _facts(abi: GuestAbi) -> dict[tuple[str, str], str]:
    vm = abi.vm
    facts = {
        ("machine", "machine type"): vm.machine,
        ("machine", "architecture"): vm.arch,
        ("machine", "accelerator"): vm.accelerator,
        ("machine", "machine type content"): abi.machine_digest,
    }
    facts |= {("machine", f"option {k}"): v for k, v in vm.machine_options}
    if vm.cpu is not None:
        facts["machine", "CPU model"] = vm.cpu.model
        facts |= {("machine", f"CPU property {k}"): v for k, v in vm.cpu.properties}
    for label, device in vm.labelled():
        facts["device", label] = f"{device.driver} {device.backend}".strip()
        facts |= {("device", f"{label}.{k}"): v for k, v in device.properties}
    for s in abi.settings:
        place = f"{s.driver}.{s.property}{of_device(s.device)}"
        facts["setting", place] = s.value
    # Devices stand above, by what they are called.
    facts |= {
        ("hardware", name): text for name, text in vm.hardware or () if not name.startswith(DEVICE)
    }
    facts |= {("precondition", p.capability): "needed" for p in abi.preconditions}
    facts |= {("unpinned", u.what): "left to the host" for u in abi.unpinned}
    return facts
