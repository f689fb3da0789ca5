"""QEMU's option language: what is joined can be split again, and what it cannot say is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.option_language import cpu_properties, join_options, split_options
from platform_abi.model.vm import Properties

_CHARS = st.characters(codec="utf-8", exclude_characters="\0")
keys = st.text(st.characters(codec="utf-8", exclude_characters="\0,="), min_size=1, max_size=6)
values = st.text(_CHARS | st.sampled_from(",='\"{} "), max_size=8)
#: A first value with an equals sign would be read as a key.
firsts = st.text(
    st.characters(codec="utf-8", exclude_characters="\0=") | st.just(","), min_size=1, max_size=8
).filter(lambda text: not text.lstrip().startswith("{"))
pairs = st.lists(st.tuples(keys, values), max_size=4).map(tuple)


# --- laws ----------------------------------------------------------------------------------------


@given(firsts, pairs)
@example("a,,", (("b", ",,"), ("c", ","), ("d", "=,=")))
@example(",", (("b", '"x,y"'),))
def test_what_is_joined_is_split_again(first: str, given_: Properties) -> None:
    """Commas are doubled; quotes and further equals signs mean nothing."""
    text = join_options(first, given_)
    assert split_options(text, "driver") == (("driver", first), *given_)


@given(keys.filter(lambda key: not key.lstrip().startswith("{")), values, pairs)
def test_a_first_item_with_a_key_is_no_implied_one(
    key: str, value: str, given_: Properties
) -> None:
    """``driver=virtio-net-pci,...`` says the same as ``virtio-net-pci,...``."""
    text = join_options("x", ((key, value), *given_)).removeprefix("x,")
    assert split_options(text, "driver") == ((key, value), *given_)


@given(st.text() | st.text(st.sampled_from('a=,{}":0'), max_size=8))
def test_any_text_is_split_or_is_a_usage_error(text: str) -> None:
    """Nothing else comes of it, and every key that comes of it can be joined again."""
    try:
        found = split_options(text, "driver")
    except pa.UsageError as error:
        assert error.code == "option-syntax"  # noqa: PT017 - not raising is fine as well
        return
    assert found
    for key, value in found:
        assert key
        assert not set(key) & set(",=\0")
        assert "\0" not in value


_JSON_KEYS = keys
_JSON_VALUES = (
    values | st.booleans() | st.integers() | st.lists(st.integers(), max_size=2) | st.just({"a": 1})
)


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, dict)):
        return json.dumps(value, separators=(",", ":"))
    return str(value)


@given(st.dictionaries(_JSON_KEYS, _JSON_VALUES, min_size=1), st.sampled_from(["", " ", "\n"]))
def test_json_says_the_same_as_options(document: dict[str, Any], space: str) -> None:
    """Booleans are on and off, numbers their digits, nested values stay JSON."""
    found = split_options(space + json.dumps(document), "driver")
    assert found == tuple((key, _spelled(value)) for key, value in document.items())


@given(st.lists(st.tuples(st.sampled_from(["+", "-", ""]), st.sampled_from("ab"))))
def test_minus_beats_plus_and_both_beat_everything_else(items: list[tuple[str, str]]) -> None:
    """In whatever order they are written, QEMU sets all +, then clears all -."""
    given_ = tuple((sign + name, "on" if sign else "given") for sign, name in items)
    in_effect = dict(cpu_properties(given_))
    for name, value in in_effect.items():
        signs = {sign for sign, other in items if other == name}
        assert value == ("off" if "-" in signs else "on" if "+" in signs else "given")
    assert set(in_effect) == {name for _, name in items}


@given(pairs.map(lambda found: tuple(p for p in found if p[0][0] not in "+-")))
def test_plain_properties_of_a_cpu_keep_their_order(given_: Properties) -> None:
    """The last of equals stays last; underscores in names, not in values, are dashes."""
    expected = tuple((key.replace("_", "-"), value) for key, value in given_)
    assert cpu_properties(given_) == expected


# --- examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("virtio-net-pci", [("driver", "virtio-net-pci")]),
        ("a,b=c", [("driver", "a"), ("b", "c")]),
        ("a,b", [("driver", "a"), ("b", "on")]),
        ("a=b,c", [("a", "b"), ("c", "on")]),
        ("a,b=", [("driver", "a"), ("b", "")]),
        ("a,b=c,,d,e=f", [("driver", "a"), ("b", "c,d"), ("e", "f")]),
        ("a,b=c,,,d=e", [("driver", "a"), ("b", "c,"), ("d", "e")]),
        ("a,b=,,", [("driver", "a"), ("b", ",")]),
        ("a,b=c=d", [("driver", "a"), ("b", "c=d")]),
        ('a,b="c,d=e"', [("driver", "a"), ("b", '"c'), ("d", 'e"')]),
        (" a , b = c ", [("driver", " a "), (" b ", " c ")]),
        ('{"driver": "a", "b": true, "c": 1.5}', [("driver", "a"), ("b", "on"), ("c", "1.5")]),
        ('{"a": 1, "a": 2}', [("a", "2")]),
    ],
)
def test_how_options_are_read(text: str, expected: list[tuple[str, str]]) -> None:
    """As QEMU's util/qemu-option.c reads them."""
    assert split_options(text, "driver") == tuple(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an option is empty"),
        ("a\0b", "NUL in option"),
        ("a,,b=c", "expected key=value, found 'a,b'"),
        ("a,b,,c=d", "expected key=value, found 'b,c'"),
        ("a,b,,c", "expected key=value, found 'b,c'"),
        ("=a", "expected key=value, found ''"),
        ("a,=b", "expected key=value, found ''"),
        ("a,", "expected key=value, found ''"),
        ("a,,,b=c,", "expected key=value, found ''"),
        ("{", "not JSON"),
        ('{"a": 1} x', "not JSON"),
        ("{" * 100_000, "not JSON"),
        ('{"a": ' + "[" * 100_000, "not JSON"),
        ('{"a": ' + "1" * 5000 + "}", "not JSON"),
        ("{}", "an option is empty"),
        ('{"": 1}', "expected key=value, found ''"),
        ('{"a,b": 1}', "expected key=value, found 'a,b'"),
        ('{"a=b": 1}', "expected key=value, found 'a=b'"),
        ('{"a": null}', "'a' is null"),
        ('{"a": "\\u0000"}', "NUL in option"),
        ('{"\\u0000": "a"}', "NUL in option"),
    ],
)
def test_what_qemu_could_not_read_is_refused(text: str, message: str) -> None:
    """The error shows what was found, and little more of a long text."""
    with pytest.raises(pa.UsageError) as caught:
        split_options(text, "driver")
    assert caught.value.code == "option-syntax"
    assert caught.value.message.startswith(message)
    assert len(caught.value.message) < 500


def test_join_doubles_commas_everywhere_but_in_names() -> None:
    """The first item is a value too."""
    assert join_options("a,b", (("c", "d,e"), ("f", ""))) == "a,,b,c=d,,e,f="


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([("+x", "on"), ("x", "off")], [("x", "off"), ("x", "on")]),
        ([("-x", "on"), ("+x", "on")], [("x", "on"), ("x", "off")]),
        ([("+kvm_pv_eoi", "on")], [("kvm-pv-eoi", "on")]),
        ([("hv_relaxed", "on")], [("hv-relaxed", "on")]),
        ([("model_id", "a_b")], [("model-id", "a_b")]),
        ([("_x", "on")], [("-x", "on")]),
        ([("+x", "off")], [("+x", "off")]),
        ([("", "on")], [("", "on")]),
    ],
)
def test_how_cpu_features_are_read(
    items: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    """As target/i386/cpu.c, x86_cpu_parse_featurestr and x86_cpu_expand_features."""
    assert cpu_properties(tuple(items)) == tuple(expected)


def test_a_lone_name_with_no_before_it_is_off_where_qemu_reads_it_so() -> None:
    """``-device x,nohost_uso`` switches off; ``-cpu x,nofoo`` is a property of that name."""
    assert (("driver", "x"), ("host_uso", "off")) == split_options(
        "x,nohost_uso", "driver", negated=True
    )
    assert (("model", "x"), ("nofoo", "on")) == split_options("x,nofoo", "model")
