"""Values are frozen: no field and no mapping in one can be written to, and each has a hash."""

from __future__ import annotations

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
import platform_abi as pa
from platform_abi.model.value import FrozenDict, field_names, frozen, frozen_mapping

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
    for field in attrs.fields(cls):
        assert field.kw_only
        assert _is_mapping(field) or not _WRITABLE.search(str(field.type)), field.name
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, field.name, None)
        if _is_mapping(field):
            mapping = getattr(value, field.name)
            for held in (mapping, mapping["key"]):
                with pytest.raises(TypeError):
                    held["key"] = None


@frozen(kw_only=True)
class _Sample:
    """A value with all kinds of fields."""

    name: str = ""
    mapping: Mapping[str, Mapping[str, int]] = attrs.field(factory=dict)
    beside: str = attrs.field(default="", eq=False)


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
    """The decorator has no other way."""
    with pytest.raises(TypeError):
        frozen(kw_only=False)


def test_the_fields_of_a_value_have_their_order_and_nothing_else_has_any() -> None:
    """Also those of what it is made from; a text is no value."""
    assert field_names(pa.Device) == tuple(each.name for each in attrs.fields(pa.Device))
    assert field_names(str) == ()
