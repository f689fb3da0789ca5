"""Who can tell what a property is set to: the guest, the migration stream, or only the host."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from platform_abi.model.platform import version_key
from platform_abi.model.value import frozen

#: *guest*: its registers, its configuration space, its CPUID, its tables. *migration*: what is in
#: the stream, or how it is read. *host*: how QEMU itself works. *absent*: the build has no such
#: driver, so no device has the property.
Seen = Literal["guest", "migration", "host", "absent"]

#: Stands for any name, alone or at one end of one.
ANY = "*"


@frozen(kw_only=True)
class VisibilityRule:
    """Properties of which it is known who can tell their values.

    *properties* are names, or patterns with one ``*`` at an end. Without *drivers* they are of
    every driver; a driver stands for all types below it.
    """

    seen: Literal["guest", "migration", "host"]
    reason: str
    properties: tuple[str, ...]
    drivers: tuple[str, ...] = ()

    def covers(self, name: str) -> bool:
        """Return whether the rule is about a property called *name*."""
        return any(matches(pattern, name) for pattern in self.properties)


@frozen(kw_only=True)
class SameValues:
    """Values of some properties that give a guest the same device.

    QEMU releases write one thing in two ways: "on" became "unset, that is on". The first of
    *values* stands for all of them; it has to be one that every release takes.
    """

    drivers: tuple[str, ...]
    properties: tuple[str, ...]
    values: tuple[str, ...]
    reason: str
    source: str


@frozen(kw_only=True)
class Shown:
    """What some properties show in of all that a guest finds of a device on its bus.

    *facts* are names of a view's facts, or patterns with one ``*`` at an end; none: they show in
    nothing of the kind. *drivers* stand for all types below them; none: for every driver.
    """

    properties: tuple[str, ...]
    facts: tuple[str, ...]
    drivers: tuple[str, ...] = ()
    reason: str = ""

    def reaches(self, fact: str) -> bool:
        """Return whether one of the properties shows in *fact*."""
        return any(matches(pattern, fact) for pattern in self.facts)

    def covers(self, name: str) -> bool:
        """Return whether it is about a property called *name*."""
        return any(matches(pattern, name) for pattern in self.properties)


@frozen(kw_only=True)
class Board:
    """The drivers of the devices that boards of some families come with.

    *since* is the first generation of machine types that does.
    """

    families: tuple[str, ...]
    drivers: tuple[str, ...]
    since: str | None = None

    def reaches(self, generation: str | None) -> bool:
        """Return whether a machine type of *generation* has them; the newest where that is None."""
        if self.since is None or generation is None:
            return True
        return version_key(generation) >= version_key(self.since)


@frozen(kw_only=True)
class Formerly:
    """What *drivers* were before they were types of this name: the type *name*, or no type at all.

    Without a *name* they were part of another device, and had no property.
    """

    drivers: tuple[str, ...]
    reason: str
    source: str
    name: str = ""


@frozen(kw_only=True)
class Visibility:
    """Everything in ``definitions/visibility/``."""

    rules: tuple[VisibilityRule, ...] = ()
    boards: tuple[Board, ...] = ()
    same: tuple[SameValues, ...] = ()
    shown: tuple[Shown, ...] = ()
    earlier: tuple[Formerly, ...] = ()

    def formerly(self, driver: str) -> Formerly | None:
        """Return what *driver* was in releases that have no type of that name, None if nothing."""
        return next((each for each in self.earlier if driver in each.drivers), None)

    def named(self, driver: str) -> bool:
        """Return whether a rule names *driver* itself."""
        return any(driver in rule.drivers for rule in self.rules)

    def drivers(self) -> frozenset[str]:
        """Return every driver that something here is about, and not about all drivers."""
        named = [*(rule.drivers for rule in self.rules), *(same.drivers for same in self.same)]
        return frozenset(driver for drivers in named for driver in drivers)

    def seen(self, types: Sequence[str], name: str) -> Seen:
        """Return who can tell property *name* of a driver of *types*: itself and its parents.

        A rule for the nearest of the types counts, then one for every driver; a property that
        nobody classified is the guest's to see. Of rules that contradict each other so does
        the one that sees most.
        """
        for of in (*types, None):
            found: set[Seen] = {
                rule.seen
                for rule in self.rules
                if (of in rule.drivers if of is not None else not rule.drivers)
                and rule.covers(name)
            }
            if found:
                return next(kind for kind in _MOST_FIRST if kind in found)
        return "guest"

    def shows(self, types: Collection[str], name: str) -> tuple[Shown, ...]:
        """Return what is known of where property *name* shows, of a driver of *types*.

        That is one of itself or its parents, an inner device's too. Nothing: nobody knows.
        """
        return tuple(
            entry
            for entry in self.shown
            if entry.covers(name)
            and (not entry.drivers or not set(types).isdisjoint(entry.drivers))
        )

    def standing_for(self, types: Sequence[str], name: str) -> Mapping[str, str]:
        """Return, for values of property *name*, the one that a guest cannot tell each from.

        Of a driver of *types*: itself and its parents.
        """
        return {
            value: entry.values[0]
            for entry in self.same
            if name in entry.properties and not set(types).isdisjoint(entry.drivers)
            for value in entry.values[1:]
        }

    def board(self, family: str, generation: str | None = None) -> tuple[str, ...]:
        """Return the drivers of what a board of *family* comes with, sorted.

        One without a *generation* has what the newest has.
        """
        return tuple(
            sorted(
                {
                    driver
                    for board in self.boards
                    if family in board.families and board.reaches(generation)
                    for driver in board.drivers
                }
            )
        )


_MOST_FIRST: tuple[Seen, ...] = ("guest", "migration", "host")


def matches(pattern: str, name: str) -> bool:
    """Return whether *pattern*, a name or one with a ``*`` at an end, is one for *name*."""
    if pattern.endswith(ANY):
        return name.startswith(pattern[:-1])
    if pattern.startswith(ANY):
        return name.endswith(pattern[1:])
    return pattern == name
