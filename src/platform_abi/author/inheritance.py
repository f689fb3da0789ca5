"""Which of its properties a QOM type has of its own, and which it has from its parent.

QMP lists the properties of instances, inherited ones included, and says nothing of abstract types.
What a type adds is what it has and its parent does not, or has with another type or default.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from platform_abi.author.observation import DeviceType
from platform_abi.model.driver import DriverProperty

#: Type to the properties of it, by name.
Properties = Mapping[str, Mapping[str, DriverProperty]]


def whole_properties(types: Sequence[DeviceType]) -> Properties:
    """Return, for each type, all its properties, inherited ones included, sorted by name.

    A type that was listed has what was listed. Any other has what all listed types below it have
    in common, with the type and the default that most of them have. One without such descendants
    has nothing here: it gets its parent's.
    """
    below = _listed_below(types)
    return {
        t.name: dict(
            sorted((_common(below[t.name]) if t.properties is None else t.properties).items())
        )
        for t in types
    }


def own_properties(types: Sequence[DeviceType], whole: Properties) -> Properties:
    """Return, for each type, what it has of *whole* and its parent does not, or has otherwise."""
    own = {}
    for each in types:
        inherited = whole.get(each.parent, {})
        own[each.name] = {
            name: found
            for name, found in whole[each.name].items()
            if inherited.get(name) is not found and inherited.get(name) != found
        }
    return own


def _listed_below(types: Sequence[DeviceType]) -> dict[str, list[Mapping[str, DriverProperty]]]:
    """Return, for each type, the properties of every listed type at and below it."""
    parents = {t.name: t.parent for t in types}
    below: dict[str, list[Mapping[str, DriverProperty]]] = defaultdict(list)
    for each in types:
        ancestor = each.name
        while each.properties is not None and ancestor in parents:
            below[ancestor].append(each.properties)
            ancestor = parents[ancestor]
    return below


def _common(listed: Sequence[Mapping[str, DriverProperty]]) -> dict[str, DriverProperty]:
    if not listed:
        return {}
    names = frozenset(listed[0]).intersection(*listed[1:])
    return {name: _usual([properties[name] for properties in listed]) for name in names}


def _usual(found: Sequence[DriverProperty]) -> DriverProperty:
    """Return what most have; of several that are equally frequent, always the same one."""
    if found.count(found[0]) == len(found):  # nearly always, and mostly one object
        return found[0]
    counted = Counter(found)
    return max(counted, key=lambda each: (counted[each], each.type, each.default or ""))
