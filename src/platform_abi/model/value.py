"""What all values have in common: they are frozen, hash, and hold no mapping to be written to.

Values are attrs classes: ``attrs.fields``, ``attrs.evolve`` and cattrs know them as any other. But
attrs is asked to look at one only when somebody asks it: importing it takes three times as long as
starting Python, and most verbs end before that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

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
    # Type checkers know attrs' own, and these make classes that are used in the same way.
    from attrs import define, evolve, field, frozen
else:

    def frozen(*, kw_only: bool) -> Callable[[type], type]:
        """Make a class a value: frozen, slotted, keyword-only, equal by content, and it hashes.

        Fields that are a Mapping get a copy that cannot be written to.
        """
        if not kw_only:
            raise TypeError("the fields of a value are given by name")
        return partial(_made, methods=_OF_VALUES)

    def define(*, kw_only: bool, eq: bool, repr: bool = True) -> Callable[[type], type]:  # noqa: A002, ARG001 - as attrs calls it
        """Make a class slotted and keyword-only that can be written to, and is equal to itself."""
        if eq or not kw_only:
            raise TypeError("what is equal by content, or takes fields by place, is not made here")
        return partial(_made, methods={})

    def field(**how: Any) -> _Field:
        """Return what stands for a field in its class; *how* is as of ``attrs.field``."""
        return _Field(how)

    def evolve(value: Any, /, **changes: Any) -> Any:
        """Return a copy of *value* with *changes*, as ``attrs.evolve`` does."""
        cls = value.__class__
        for name in cls.__names__:
            if name not in changes:
                changes[name] = getattr(value, name)
        return cls(**changes)


def field_names(cls: type) -> tuple[str, ...]:
    """Return the names of the fields of *cls*, in order; none of a class that is no value."""
    fields: tuple[str, ...] = getattr(cls, "__names__", ())
    return fields


class _Field:
    """What a class says of a field beside its type."""

    def __init__(self, how: dict[str, Any]) -> None:
        self.how = how


class _Attributes:
    """What attrs looks up of a class: made by attrs itself when it does."""

    def __get__(self, _: object, cls: type) -> Any:
        import attrs

        fields = {
            name: attrs.field(
                type=annotation,
                converter=frozen_mapping if name in cls.__mappings__ else None,  # type: ignore[attr-defined]
                **how,
            )
            for name, (annotation, how) in cls.__fields__.items()  # type: ignore[attr-defined]
        }
        made = attrs.make_class(cls.__name__, fields, kw_only=True)
        cls.__attrs_attrs__ = made.__attrs_attrs__  # type: ignore[attr-defined]
        return cls.__attrs_attrs__  # type: ignore[attr-defined]


def _made(cls: Any, methods: Mapping[str, object]) -> type:
    """Return *cls* as a slotted class that takes the fields it declares by name."""
    body = {key: each for key, each in vars(cls).items() if key not in _OF_ONE_WITHOUT_SLOTS}
    own = {}
    for name, annotation in cls.__annotations__.items():
        said = body.pop(name, _NOTHING)
        how = said.how if isinstance(said, _Field) else {"default": said}
        own[name] = annotation, {} if how.get("default") is _NOTHING else how
    inherited = getattr(cls, "__fields__", {})
    fields = {**inherited, **own}
    body["__slots__"] = (
        *(name for name in own if name not in inherited),
        *(() if inherited else ("__weakref__",)),
    )
    body |= {key: each for key, each in methods.items() if key not in body}
    body["__qualname__"] = cls.__qualname__
    body["__fields__"], body["__attrs_attrs__"] = fields, _Attributes()
    body["__names__"] = tuple(n for n, (_, how) in fields.items() if how.get("init", True))
    # What is written to keeps the very mapping that it is given.
    body["__mappings__"] = tuple(
        name
        for name, (annotation, _) in fields.items()
        if methods and str(annotation).startswith("Mapping[")
    )
    compared = [name for name, (_, how) in fields.items() if how.get("eq", True)]
    body["__content__"] = attrgetter(*compared) if compared else _nothing
    made: type = type(cls)(cls.__name__, cls.__bases__, body)
    made.__init__ = _init_of(made)  # type: ignore[misc]
    return made


_NOTHING = object()
_OF_ONE_WITHOUT_SLOTS = ("__dict__", "__weakref__")


def _init_of(cls: Any) -> Callable[..., None]:
    """Return what makes a value of *cls*; nothing is compiled, which would take longer than it."""
    how = {name: cls.__fields__[name][1] for name in cls.__names__}
    known = frozenset(how)
    # Of what cannot be written to, one is enough for all.
    shared = {
        n: frozen_mapping(h["factory"]()) if "factory" in h else h["default"]
        for n, h in how.items()
        if "default" in h or (n in cls.__mappings__ and "factory" in h)
    }
    factories = [(n, h["factory"]) for n, h in how.items() if "factory" in h and n not in shared]
    mappings = cls.__mappings__
    fields = [(name, getattr(cls, name).__set__) for name in how]
    finish = getattr(cls, "__attrs_post_init__", None)

    def __init__(self: object, /, **given: Any) -> None:  # noqa: N807 - it becomes the method
        values = {**shared, **given}
        for name, make in factories:
            if name not in given:
                values[name] = make()
        if values.keys() != known:
            raise _wrong(cls, values)
        for name in mappings:
            if name in given:
                values[name] = frozen_mapping(given[name])
        for name, put in fields:
            put(self, values[name])
        if finish is not None:
            finish(self)

    return __init__


def _wrong(cls: Any, values: Mapping[str, object]) -> TypeError:
    other = [f"there is no {name}" for name in values if name not in cls.__names__]
    lacking = [f"{name} is not given" for name in cls.__names__ if name not in values]
    return TypeError(f"{cls.__name__}: {', '.join(other + lacking)}")


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
    fields = [name for name in self.__names__ if self.__fields__[name][1].get("repr", True)]
    body = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields)
    return f"{self.__class__.__name__}({body})"


def _frozen(*_: object) -> NoReturn:
    from attrs.exceptions import FrozenInstanceError

    raise FrozenInstanceError


def _state(self: Any) -> dict[str, Any]:
    return {name: getattr(self, name) for name in self.__names__}


def _set_state(self: Any, state: Mapping[str, Any]) -> None:
    for name, value in state.items():
        object.__setattr__(self, name, value)


#: What values have, and no other class: that one differs from itself when it is written to.
_OF_VALUES: dict[str, object] = {
    "__eq__": _equal,
    "__hash__": _hash,
    "__repr__": _shown,
    "__setattr__": _frozen,
    "__delattr__": _frozen,
    "__getstate__": _state,
    "__setstate__": _set_state,
}
