"""Whether a QEMU binary keeps the promises of what is known: properties, and what a guest finds.

Two builds of one upstream version can agree in every property and still give guests different
devices, and the other way round: both are compared. What could not be looked at on either side is
no difference, and is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from platform_abi.diagnosis.masks import family_of
from platform_abi.guest.comparison import fact_differences, global_words
from platform_abi.guest.view import BOARD, NO_DRIVER, REFUSED, Facts, GuestView
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.value import field, frozen
from platform_abi.model.visibility import Visibility
from platform_abi.resolver.machine_diff import diff_builds, shown


@frozen(kw_only=True)
class Difference:
    """Something that was expected of a binary, and is otherwise; None for what is not there.

    *device* is a driver for a property, else what a view calls a device or a CPU model. *pin* is
    the argument that gives a guest what was expected, where there is one.
    """

    machine: str
    device: str
    what: str
    expected: str | None
    found: str | None
    pin: str = ""

    @property
    def content(self) -> tuple[str, str, str | None, str | None, str]:
        """Return everything but the machine type: several may differ in the same."""
        return (self.device, self.what, self.expected, self.found, self.pin)


@frozen(kw_only=True)
class AuditVerdict:
    """What an audit found; *unseen* is what it could not look at, with the reasons.

    *properties* and *views* say of how many machine types the properties were compared, and of how
    many what a guest finds; *compared* has by machine type the drivers, CPU models and places of
    the board of which either was.
    """

    expected: str
    found: str
    machines: tuple[str, ...]
    properties: int = 0
    views: int = 0
    compared: Mapping[str, tuple[str, ...]] = field(factory=dict)
    differences: tuple[Difference, ...] = ()
    unseen: Mapping[str, str] = field(factory=dict)

    @property
    def kept(self) -> bool | None:
        """Return whether all is as it was expected; None, nobody knows, where half is not compared.

        Properties alone do not tell what a guest finds, nor the other way round.
        """
        if self.differences:
            return False
        return True if self.properties and self.views else None


# --- properties ----------------------------------------------------------------------------------


def property_differences(
    catalogue: Catalogue,
    expected: str,
    found: str,
    machine: str,
    arch: str,
    *,
    every: bool,
    no_user: Collection[str] = (),
) -> Iterator[Difference]:
    """Yield what *machine* sets otherwise in the build *found* than in the build *expected*.

    With *every*, whatever differs; else what a guest can tell: two versions of QEMU differ in much
    that none can. A driver that only one of them has is passed over, see ``NO_DRIVER``; so is one
    that the machine type can never have. *no_user* are those that no user can add to a machine.
    """
    common = common_drivers(catalogue, expected, found, machine, arch, no_user=no_user)
    rows = diff_builds(catalogue, expected, found, machine, arch)
    for driver, name, before, after, *_ in shown(rows, every=every):
        if driver not in common:
            continue
        yield Difference(
            machine=machine,
            device=driver,
            what=name,
            expected=before,
            found=after,
            pin="" if before is None else global_words(driver, name, before),
        )


def common_drivers(
    catalogue: Catalogue,
    expected: str,
    found: str,
    machine: str,
    arch: str,
    *,
    no_user: Collection[str] = (),
) -> frozenset[str]:
    """Return the drivers that both builds have, and that *machine* can have.

    *no_user* are those that no user can add to a machine: these only its own board comes with.
    """
    types = [catalogue.types(build, arch) for build in (expected, found)]
    family = catalogue.machine(expected, machine, arch).family
    others = _of_other_boards(catalogue.visibility(), family).intersection(no_user)
    concrete = (each.parents.keys() - each.abstract for each in types)
    return frozenset.intersection(*map(frozenset, concrete)).difference(others)


def _of_other_boards(visibility: Visibility, family: str) -> frozenset[str]:
    """Return the drivers that only boards of other families than *family* come with.

    Of a family that no board is described of, that is not known: there are none.
    """
    own = visibility.board(family)
    every = {driver for board in visibility.boards for driver in board.drivers}
    return frozenset(every.difference(own)) if own else frozenset()


# --- what a guest finds --------------------------------------------------------------------------


def view_differences(
    catalogue: Catalogue,
    expected: GuestView,
    found: GuestView,
    ignored: Mapping[str, int] | None = None,
) -> Iterator[Difference]:
    """Yield what a guest finds otherwise than expected, by device and by fact.

    *ignored* are feature bits by device that say something of a host. A device or a CPU model that
    either side could not look at, or has no driver for, is passed over; what a board itself has
    was looked at on either side.
    """
    ignored = ignored or {}
    for label in sorted(expected.devices.keys() & found.devices.keys()):
        before, after = expected.devices[label], found.devices[label]
        if NO_DRIVER in (before, after):
            continue
        driver = label.partition(" ")[0]
        for each in fact_differences(
            catalogue, driver, before, after, ignored=ignored.get(label, 0)
        ):
            yield Difference(
                machine=found.machine,
                device=label,
                what=each.what,
                expected=each.before,
                found=each.after,
                pin=each.pin,
            )
    for name in _boards_alone(expected, found):
        yield Difference(
            machine=found.machine,
            device=name,
            what="device",
            expected="there" if name in expected.devices else None,
            found="there" if name in found.devices else None,
        )
    for model in sorted(expected.cpus.keys() & found.cpus.keys()):
        before, after = expected.cpus[model], found.cpus[model]
        for what in _different(before, after):
            wanted, value = before.get(what), after.get(what)
            if None in (wanted, value) and "on" not in (wanted, value):
                continue
            pinned = wanted is not None and value is not None
            yield Difference(
                machine=found.machine,
                device=f"-cpu {model}",
                what=what,
                expected=wanted,
                found=value,
                pin=f"-cpu {model},{what}={wanted}" if pinned else "",
            )


def compared_devices(expected: GuestView, found: GuestView) -> Iterator[str]:
    """Yield what ``view_differences`` compares: drivers, places of the board, ``-cpu MODEL``."""
    for name in expected.devices.keys() & found.devices.keys():
        if NO_DRIVER not in (expected.devices[name], found.devices[name]):
            yield subject(name)
    yield from _boards_alone(expected, found)
    yield from (f"-cpu {model}" for model in expected.cpus.keys() & found.cpus.keys())


def subject(label: str) -> str:
    """Return what a view's *label* is of: a driver, whatever stands behind or before it."""
    return label if label.startswith((BOARD, "-cpu ")) else label.partition(" ")[0]


def passed_over(expected: GuestView, found: GuestView) -> dict[str, str]:
    """Return what only one side has or could look at, and why the other could not.

    A flag of a CPU model that is off is none that only one side has: a QEMU that does not know a
    flag gives it to no guest.
    """
    first, second = expected.devices, found.devices
    alone = (first.keys() ^ second.keys()).difference(_boards_alone(expected, found))
    reasons = dict.fromkeys(alone, "only one side was looked at")
    for name in first.keys() & second.keys():
        if (first[name] == NO_DRIVER) != (second[name] == NO_DRIVER):
            reasons[name] = NO_DRIVER[REFUSED]
    if expected.cpus and found.cpus:
        models = expected.cpus.keys() ^ found.cpus.keys()
        reasons |= dict.fromkeys((f"-cpu {model}" for model in models), "only one side has it")
    for model in expected.cpus.keys() & found.cpus.keys():
        before, after = expected.cpus[model], found.cpus[model]
        for what in before.keys() ^ after.keys():
            if {**before, **after}[what] not in _SWITCHES:
                reasons[f"-cpu {model},{what}"] = "only one side has it"
    return dict(sorted({**reasons, **expected.unseen, **found.unseen}.items()))


#: What a flag of a CPU model is.
_SWITCHES = ("on", "off")


def _boards_alone(expected: GuestView, found: GuestView) -> list[str]:
    """Return what only one board has, of two that were looked at: every board has something."""
    first, second = (
        {name for name in view.devices if name.startswith(BOARD)} for view in (expected, found)
    )
    return sorted(first ^ second) if first and second else []


def _different(before: Facts, after: Facts) -> list[str]:
    return sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))


# --- what says something of the host -------------------------------------------------------------


def host_bits(
    catalogue: Catalogue, driver: str, backend: str, present: frozenset[str] = frozenset()
) -> int:
    """Return the feature bits of a device that depend on what stands behind it on a host.

    Of these, bits are left out for which everything is among *present*, capabilities of a host.
    """
    family = family_of(catalogue, driver)
    if family is None:
        return 0
    bits = {bit.property: bit.bit for bit in family.bit if bit.property}
    found = 0
    for feature in catalogue.family_features(family):
        needs = feature.needs(backend)
        if needs is not None and not set(needs) <= present:
            for _, name in feature.drives:
                found |= 1 << bits[name] if name in bits else 0
    return found
