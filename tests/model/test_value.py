"""Values are frozen: no field and no mapping in one can be written to, and each has a hash."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi
from platform_abi.model.value import (
    FrozenDict,
    define,
    evolve,
    field,
    field_names,
    frozen,
    frozen_mapping,
)

#: What a value may be written to through, whatever is frozen around it.
_WRITABLE = re.compile(r"\b(dict|list|set|bytearray|MutableMapping|defaultdict)\b")


def _classes() -> Iterator[type[Any]]:
    """Yield every frozen class of every room."""
    for module in pkgutil.walk_packages(platform_abi.__path__, "platform_abi."):
        if module.name.endswith(".__main__"):
            continue
        for thing in vars(importlib.import_module(module.name)).values():
            own = isinstance(thing, type) and thing.__module__ == module.name
            if own and attrs.has(thing) and _is_frozen(thing):
                yield thing


def _is_frozen(cls: type[Any]) -> bool:
    return "Frozen" in repr(cls.__setattr__) or "frozen" in repr(cls.__setattr__)


CLASSES = sorted(_classes(), key=lambda cls: f"{cls.__module__}.{cls.__qualname__}")


def _made(cls: type[Any]) -> Any:
    """Return a value of *cls*; but for mappings it is no matter what most fields hold."""
    return cls(**{field.alias: _content(field) for field in attrs.fields(cls)})


def _content(field: attrs.Attribute[Any]) -> object:
    if _is_mapping(field):
        return {"key": {"inner": ("value",)}}
    # Options of verbs are converted, and checked, when they are made.
    if field.converter is not None:
        return None if "None" in str(field.type) else "x86_64"
    return ("content",)


def _is_mapping(field: attrs.Attribute[Any]) -> bool:
    # A type is a string until cattrs has looked at the class.
    return str(field.type).removeprefix("collections.abc.").startswith("Mapping[")


def test_there_are_values_in_every_room_that_has_any() -> None:
    """The law below is about more than a hundred classes."""
    assert len(CLASSES) > 150
    rooms = {cls.__module__.split(".")[1] for cls in CLASSES}
    assert {"model", "resolver", "compat", "host", "verifier", "monitor", "author"} <= rooms


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.__module__}.{cls.__qualname__}")
def test_a_value_is_frozen_hashes_and_has_no_mapping_to_write_to(cls: type[Any]) -> None:
    """One decorator makes all of them; two of one content are equal and have one hash."""
    value, same = _made(cls), _made(cls)
    assert value == same
    assert hash(value) == hash(same)
    assert len({value, same}) == 1
    assert not hasattr(value, "__dict__")
    assert "__content__" in vars(cls), "made by attrs' own decorator"
    assert cls.__name__ in repr(value)
    for each in attrs.fields(cls):
        assert each.kw_only
        assert _is_mapping(each) or not _WRITABLE.search(str(each.type)), each.name
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, each.name, None)
        if _is_mapping(each):
            mapping = getattr(value, each.name)
            for held in (mapping, mapping["key"]):
                with pytest.raises(TypeError):
                    held["key"] = None


@frozen(kw_only=True)
class _Sample:
    """A value with all kinds of fields."""

    name: str = ""
    mapping: Mapping[str, Mapping[str, int]] = field(factory=dict)
    beside: str = field(default="", eq=False)


@frozen(kw_only=True)
class _Other:
    """Another with the same field."""

    name: str = ""


mappings = st.dictionaries(
    st.text(max_size=2), st.dictionaries(st.text(max_size=2), st.integers(0, 2), max_size=2)
)


@given(mappings, mappings, st.text(max_size=2), st.text(max_size=2))
def test_two_values_are_equal_where_their_content_is(
    first: dict[str, dict[str, int]], second: dict[str, dict[str, int]], name: str, beside: str
) -> None:
    """What a class leaves out of it makes no difference; equal values have equal hashes."""
    value, other = _Sample(mapping=first, name=name), _Sample(mapping=second, beside=beside)
    assert (value == other) == (first == second and name == "")
    assert (value != other) != (value == other)
    assert value != other or hash(value) == hash(other)
    others: list[object] = [(name, first), _Other(name=name)]
    assert _Sample(name=name) not in others
    assert pickle.loads(pickle.dumps(value)) == value


@given(mappings)
def test_a_mapping_is_copied_and_reads_as_before(mapping: dict[str, dict[str, int]]) -> None:
    """Who made a value cannot change it afterwards, at any depth; it is copied once."""
    before = {key: dict(inner) for key, inner in mapping.items()}
    held = frozen_mapping(mapping)
    assert held == before
    assert frozen_mapping(held) is held
    for inner in mapping.values():
        inner["new"] = 3
    mapping["new"] = {}
    assert held == before
    assert {**(held or {}), "more": {}}.keys() == before.keys() | {"more"}


@pytest.mark.parametrize(
    "write",
    [
        lambda held: held.__setitem__("a", 2),
        lambda held: held.__delitem__("a"),
        lambda held: held.__ior__({"b": 1}),
        lambda held: held.clear(),
        lambda held: held.pop("a"),
        lambda held: held.popitem(),
        lambda held: held.setdefault("b", 1),
        lambda held: held.update(b=1),
    ],
)
def test_every_way_to_write_to_a_mapping_is_refused(write: Any) -> None:
    """It says so, and stays as it was; what is made of it is a dict like any other."""
    held = FrozenDict({"a": 1})
    with pytest.raises(TypeError, match="cannot be written to"):
        write(held)
    assert held == {"a": 1}
    assert held | {"b": 2} == {"a": 1, "b": 2}


def test_a_mapping_of_json_hashes_too() -> None:
    """A list in it has no hash of its own."""
    assert hash(FrozenDict({"a": [1]})) == hash(FrozenDict({"a": [1]}))


def test_fields_are_given_by_name() -> None:
    """The decorators have no other way; nor is anything equal by content that can be written to."""
    for make in (frozen, define):
        with pytest.raises(TypeError):
            make(kw_only=False)
    with pytest.raises(TypeError):
        define(kw_only=True, eq=True)


class _Declared:
    """A value with all kinds of fields, as it is before a decorator has made it one."""

    name: str
    #: Called as arguments of functions that change values might be, too.
    value: str = ""
    mapping: Mapping[str, int] = field(factory=lambda: {"a": 1})
    several: tuple[str, ...] = ()
    beside: str = field(default="", eq=False, repr=False)


def _by_attrs() -> Any:
    """Return what attrs' own decorator makes of it."""
    body = {"__annotations__": _Declared.__annotations__, "several": (), "value": ""}
    cls = type("_Declared", (), body)
    cls.mapping = attrs.field(factory=lambda: {"a": 1})  # type: ignore[attr-defined]
    cls.beside = attrs.field(default="", eq=False, repr=False)  # type: ignore[attr-defined]
    return attrs.frozen(kw_only=True)(cls)


OURS: Any = frozen(kw_only=True)(_Declared)
THEIRS: Any = _by_attrs()

given_fields = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=2),
        "value": st.text(max_size=2),
        "mapping": st.dictionaries(st.text(max_size=2), st.integers(0, 2), max_size=2),
        "several": st.tuples(st.text(max_size=2)),
        "beside": st.text(max_size=2),
        "other": st.none(),
    },
)


@given(given_fields, given_fields)
def test_a_value_is_what_attrs_would_make(first: dict[str, Any], more: dict[str, Any]) -> None:
    """It takes the same fields, has the same defaults, is shown and changed alike."""
    if "other" in first or "name" not in first:
        for cls in (OURS, THEIRS):
            with pytest.raises(TypeError):
                cls(**first)
        return
    value, other = OURS(**first), THEIRS(**first)
    assert attrs.asdict(value) == attrs.asdict(other)
    assert repr(value) == repr(other).rpartition(".")[2]
    if "other" in more:
        for change in (evolve, attrs.evolve):
            with pytest.raises(TypeError):
                change(value, **more)
        return
    changed = evolve(value, **more)
    assert changed == attrs.evolve(value, **more) == copy.deepcopy(changed)
    assert attrs.asdict(changed) == attrs.asdict(attrs.evolve(other, **more))
    assert (changed == value) == (attrs.evolve(other, **more) == other)


def test_attrs_knows_the_fields_of_a_value() -> None:
    """By name, type and default, in their order, those of the class it is made from included."""

    @frozen(kw_only=True)
    class Derived(OURS):  # type: ignore[misc]
        more: int = 1

    assert [*field_names(Derived)] == [each.name for each in attrs.fields(Derived)]
    told: dict[str, Any] = {"name": "a"}
    assert Derived(**told).more == 1
    assert field_names(str) == ()
    for ours, theirs in zip(attrs.fields(OURS), attrs.fields(THEIRS), strict=True):
        for key in ("name", "alias", "type", "kw_only", "init", "eq", "repr"):
            assert getattr(ours, key) == getattr(theirs, key)
    assert attrs.fields(OURS).several.default == ()
    assert attrs.fields(OURS).name.default is attrs.NOTHING


@define(kw_only=True, eq=False)
class _Written:
    """Something that is written to."""

    name: str
    every: list[str] = field(factory=list)
    seen: Mapping[str, int] = field(factory=dict)
    size: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.size = len(self.name)


def test_what_is_written_to_has_its_own_of_each_default() -> None:
    """It equals itself alone, and what is not told is worked out at the end."""
    one, same = _Written(name="a"), _Written(name="a")
    one.every.append("b")
    assert (["b"], [], 1) == (one.every, same.every, one.size)
    assert one != same
    seen = {"a": 1}
    assert _Written(name="a", seen=seen).seen is seen
    assert one.seen is not same.seen
    assert not hasattr(one, "__dict__")
    worked_out: dict[str, Any] = {"size": 2}
    with pytest.raises(TypeError):
        evolve(one, **worked_out)
