"""What all values have in common: they are frozen, hash, and hold no mapping to be written to.

Whoever makes values takes all that they are made with from here, of attrs' own too: the script
that asks a host over ssh has something in the place of this module alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import attr
from attr import define, evolve, field

__all__ = ["FrozenDict", "define", "evolve", "field", "field_names", "frozen", "frozen_mapping"]

K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """A mapping of a value's: it hashes and refuses to be written to.

    It is a dict and no proxy, so that reading it costs no more, and json and pickle know it.
    """

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        try:
            return hash(frozenset(self.items()))
        except TypeError:  # what it holds is JSON, with lists in it
            return hash(frozenset(self))

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a mapping of a value cannot be written to")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        return FrozenDict, (dict(self),)


def frozen_mapping(mapping: Mapping[Any, Any] | None) -> FrozenDict[Any, Any] | None:
    """Return a copy of *mapping* that cannot be written to, nor can any mapping in it."""
    if mapping is None or isinstance(mapping, FrozenDict):
        return mapping
    if _OTHER_MAPPINGS.isdisjoint(map(type, mapping.values())):
        return FrozenDict(mapping)
    return FrozenDict(
        {
            key: frozen_mapping(value) if type(value) in _OTHER_MAPPINGS else value
            for key, value in mapping.items()
        }
    )


_OTHER_MAPPINGS = frozenset((dict, MappingProxyType))

if TYPE_CHECKING:
    # Type checkers know attrs' own, and this one makes classes that are used in the same way.
    from attrs import frozen
else:

    def frozen(*, kw_only: bool) -> Callable[[type], type]:
        """Make a class a value: frozen, slotted, keyword-only, equal by content, and it hashes.

        Fields that are a Mapping get a copy that cannot be written to. What attrs would generate
        for each class, at every start of every small verb, is one function for all of them.
        """
        if not kw_only:
            raise TypeError("the fields of a value are given by name")

        def make(cls: type) -> type:
            for name, method in _METHODS.items():
                if name not in cls.__dict__:
                    setattr(cls, name, method)
            made = attr.define(
                cls,
                frozen=True,
                kw_only=True,
                repr=False,
                eq=False,
                field_transformer=_with_frozen_mappings,
            )
            names = [each.name for each in attr.fields(made) if each.eq]
            made.__content__ = attrgetter(*names) if names else _nothing
            return made

        return make


def field_names(cls: type) -> tuple[str, ...]:
    """Return the names of the fields of *cls*, in order; none of a class that is no value."""
    return tuple(each.name for each in getattr(cls, "__attrs_attrs__", ()))


def _nothing(_: object) -> tuple[()]:
    return ()


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    content = self.__content__
    return content(self) == content(other)


def _hash(self: Any) -> int:
    return hash((self.__class__, self.__content__(self)))


def _shown(self: Any) -> str:
    fields = [each for each in attr.fields(self.__class__) if each.repr]
    body = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields)
    return f"{self.__class__.__name__}({body})"


_METHODS = {"__eq__": _equal, "__hash__": _hash, "__repr__": _shown}

#: One for all classes: attrs looks at the signature of each anew.
_FREEZE: attr.Converter[Any, Any] = attr.Converter(frozen_mapping)


def _with_frozen_mappings(_: type, fields: list[attr.Attribute[Any]]) -> list[attr.Attribute[Any]]:
    """Let every field that is a Mapping be one that cannot be written to."""
    return [
        each.evolve(converter=_FREEZE) if str(each.type).startswith("Mapping[") else each
        for each in fields
    ]
