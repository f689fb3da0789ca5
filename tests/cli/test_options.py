"""Options as values: each is declared once, and said by its option; the bounds of a time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.cli.options import VERBS, HostOptions, ScopeOptions
from platform_abi.cli.parser import declarations, parse


@given(seconds=st.none() | st.floats())
def test_a_time_is_more_than_nothing_and_no_more_than_ten_minutes(seconds: float | None) -> None:
    """Within that it is as it was said; infinity and what is no number are refused."""
    if seconds is None or 0 < seconds <= 600:
        assert HostOptions(timeout=seconds).timeout == seconds
        return
    with pytest.raises(pa.UsageError) as caught:
        HostOptions(timeout=seconds)
    assert caught.value.code == "usage"


_WORDS = st.text(alphabet="ab0", min_size=1, max_size=3)


@given(verb=st.sampled_from(sorted(VERBS)), data=st.data())
def test_what_is_said_of_a_verb_is_in_its_field_and_nothing_else_is(
    verb: str, data: st.DataObject
) -> None:
    """Whichever options are given, in whichever order; what is not given is as it is declared."""
    kind = VERBS[verb][1]
    fields = dict(declarations(kind))
    places = [name for name, declared in fields.items() if declared.flags is None]
    chosen = data.draw(st.permutations(sorted(fields.keys() - places)))
    words = [verb]
    expected: dict[str, Any] = {}
    for name in chosen:
        how = fields[name].how
        if not (how.get("required") or data.draw(st.booleans())):
            continue
        said = [*filter(lambda flag: flag.startswith("--"), fields[name].flags or ())]
        words.append(said[0] if said else f"--{name.replace('_', '-')}")
        if how.get("action") == "store_true":
            expected[name] = True
            continue
        value: Any = how["choices"][-1] if "choices" in how else data.draw(_WORDS)
        if how.get("type") in (int, float):
            value = how["type"](7)
        words.append(str(value))
        expected[name] = (value,) if how.get("action") == "append" else value
    for name in places:
        how = fields[name].how
        if how.get("nargs") in (None, "+") and "default" not in how:
            value = how["choices"][0] if "choices" in how else data.draw(_WORDS)
            words.append(value)
            expected[name] = (value,) if "nargs" in how else value
    found, options = parse(VERBS, words)
    assert found == verb
    assert type(options) is kind
    for name, declared in fields.items():
        usual = declared.default
        usual = tuple(usual) if isinstance(usual, list) else usual
        assert getattr(options, name) == expected.get(name, usual), name


def test_options_cannot_be_changed_and_have_no_other_fields() -> None:
    """They are what was said, and a field that no class declares is a fault of the program."""
    options = ScopeOptions(backend=["user"])
    assert options.backend == ("user",)
    with pytest.raises(AttributeError):
        options.accel = "kvm"
    with pytest.raises(TypeError):
        ScopeOptions(other="x")
