"""Every property of a running QEMU that has another value than it has to have."""

from __future__ import annotations

import json

from platform_abi.compat.finding import Finding, Severity
from platform_abi.errors import of_device
from platform_abi.model.realize import PropertyValue
from platform_abi.model.visibility import Seen
from platform_abi.resolver.explicit import BOOLEANS, decimal
from platform_abi.verifier.expected import ExpectedObject
from platform_abi.verifier.verification import Sides


def compare_properties(sides: Sides) -> tuple[list[Finding], int]:
    """Return every property that has another value than it has to have, and how many were read."""
    things = {thing.path: thing for thing in sides.vm.objects()}
    drivers = sides.drivers
    refers = sides.catalogue.harmless().refers
    findings: list[Finding] = []
    compared = 0
    for wanted in sides.expected.objects:
        thing = things[wanted.path]
        if wanted.listed and drivers.get(wanted.device or "", thing.driver) != thing.driver:
            continue  # it is another device, and that was said
        for name, value in wanted.values.items():
            # What -nic and -drive attach to a device has names that no lockfile knows.
            if value.left_to is not None or (refers(name) and value.layer in _OF_BUILD):
                continue
            found = thing.properties.get(name)
            compared += found is not None
            if found is None or not same(value.final or "", found):
                findings.append(_otherwise(sides, wanted, name, value, found))
    return findings, compared


def _otherwise(
    sides: Sides, wanted: ExpectedObject, name: str, value: PropertyValue, found: str | None
) -> Finding:
    """Return what there is to say of a property that is not as it has to be."""
    seen, feature = _told(sides, wanted, name)
    promised = value.final or ""
    matters = seen in ("guest", "migration")
    severity: Severity = "info"
    if matters:
        # Nobody promised what another build makes of a property that nothing sets.
        sure = sides.expected.exact or value.layer not in _OF_BUILD
        severity = "drift" if found is not None and sure else "unknown"
    if found is None and wanted.device is None:
        severity = "info"  # QEMU takes options that are no properties of the board or the CPU
    where = f"{wanted.driver}.{name}"
    of = of_device(wanted.device)
    return Finding(
        code="property" if found is not None else "property-unreadable",
        severity=severity,
        message=f"{where}{of} "
        + (f"is {_shown(found)}" if found is not None else "cannot be read")
        + f", and has to be {_shown(promised)} (by {value.layer}: {value.source})"
        + _TOLD.get(seen, ""),
        help=_cure(wanted, name, value),
        device=wanted.device,
        driver=wanted.driver,
        property=name,
        expected=promised,
        found=found,
        feature=feature,
        seen=seen,
    )


def _cure(wanted: ExpectedObject, name: str, value: PropertyValue) -> str:
    if wanted.device is not None and not wanted.listed:
        return f"plug it in with {name}={value.value}"
    if value.layer in _OF_BUILD:
        return f"start it without {name}, or resolve again with what it has"
    return "start it with the lockfile's arguments: 'platform-abi resolve --from-lock'"


def _told(sides: Sides, wanted: ExpectedObject, name: str) -> tuple[Seen, str]:
    """Return who can tell a property, and the feature that drives it."""
    if sides.catalogue.harmless().refers(name):
        return "host", ""
    if wanted.path != sides.vm.machine.path:
        return sides.told(wanted.driver, name)
    feature = sides.catalogue.feature_of(wanted.driver, name)
    if feature is not None:
        return "guest", feature.id
    return sides.catalogue.visibility().seen([wanted.driver], name), ""


_TOLD: dict[Seen, str] = {
    "migration": "; only the migration stream can tell",
    "host": "; no guest can tell",
}

#: Layers that nobody but the build itself speaks for.
_OF_BUILD = frozenset({"default", "accelerator", "machine"})


#: Where objects of ``-object`` are in QEMU's tree (qom/object.c, object_get_objects_root).
_OBJECTS = "/objects/"


def same(promised: str, found: str) -> bool:
    """Return whether QEMU reads *found* where *promised* was written, however either is spelled."""
    if promised == found or (promised == "" and found == "[]"):
        return True
    if found.startswith(_OBJECTS):  # a link to an object of the user's
        return found.removeprefix(_OBJECTS) == promised
    if promised[:1] in ("{", "[") and found[:1] in ("{", "["):
        try:
            return bool(json.loads(promised) == json.loads(found))
        except ValueError:
            return False
    if BOOLEANS.get(promised, promised) == found:
        return True
    return decimal(promised, sized=True) == found


def _shown(value: str) -> str:
    return value or "empty"
