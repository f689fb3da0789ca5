"""QEMU's configuration files: what stands in them is read, and nothing else is."""

from __future__ import annotations

from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.launch.configuration import read_configuration
from platform_abi.testing import Scenario, scenarios

#: QEMU reads the lines that newlines end: others that Unicode or ASCII have are text.
_BREAKS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_WORDS = st.text("abcz019-_.", min_size=1, max_size=8)
_VALUES = st.text(
    st.characters(exclude_characters='"\n\r', codec="utf-8") | st.sampled_from(_BREAKS)
)
_IDS = st.text("abc019-_.#/ ", max_size=8)
_SECTIONS = st.lists(
    st.tuples(_WORDS, _IDS, st.lists(st.tuples(_WORDS, _VALUES), max_size=3)), max_size=4
)
_NOTHING = st.sampled_from(["", "\n", "   \n", "# a = b\n", '#[device "a"]\n', "\t# x\n"])


@given(sections=_SECTIONS, data=st.data())
def test_what_is_written_is_read(
    sections: list[tuple[str, str, list[tuple[str, str]]]], data: st.DataObject
) -> None:
    """Groups, ids and pairs in their order, whatever comments and white space stand between."""
    text = ""
    for group, name, pairs in sections:
        text += data.draw(_NOTHING) + (f'[{group} "{name}"]\n' if name else f"[{group}]\n")
        for key, value in pairs:
            around = data.draw(st.sampled_from(["", " ", "\t "]))
            text += data.draw(_NOTHING) + f'{around}{key}{around}={around}"{value}"{around}\n'
    assert sections == list(read_configuration(text, "vm.cfg"))


@settings(max_examples=30)
@given(scenarios())
def test_what_is_emitted_is_read(scenario: Scenario) -> None:
    """The file of a guest ABI has its machine, its devices and every global argument."""
    abi = pa.resolve(scenario.catalogue, evolve(scenario.vm, cpu=None), scenario.platform)
    read = list(read_configuration(pa.readconfig(abi), "vm.cfg"))
    said = [(group, dict(pairs)) for group, _, pairs in read]

    assert [("machine", abi.vm.machine)] == [(g, p["type"]) for g, p in said if g == "machine"]
    assert [("accel", abi.vm.accelerator)] == [(g, p["accel"]) for g, p in said if g == "accel"]
    words = pa.arguments(abi)
    options = list(pairwise(words))
    assert [value.partition(",")[0] for option, value in options if option == "-device"] == [
        pairs["driver"] for group, pairs in said if group == "device"
    ]
    assert [value for option, value in options if option == "-global"] == [
        f"{p['driver']}.{p['property']}={p['value']}" for g, p in said if g == "global"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('driver = "e1000"\n', 1),
        ('\n# a\ndriver = "e1000"\n', 3),
        ("[device]\ndriver = e1000\n", 2),
        ('[device]\ndriver = "e1000\n', 2),
        ('[device]\nid = "a" "b"\n', 2),
        ('[device "a"\n', 1),
        ('[]\n[device ""x]\n', 1),
        ('[machine]\ntype = "a"\n\nnonsense\n', 4),
    ],
)
def test_what_is_no_section_and_no_pair_is_named_by_its_line(text: str, line: int) -> None:
    """A pair needs a section before it, quotes around its value and nothing after them."""
    with pytest.raises(pa.UsageError, match=rf"vm\.cfg:{line}: expected") as caught:
        list(read_configuration(text, "vm.cfg"))
    assert "configuration-syntax" == caught.value.code


def test_a_fault_does_not_steer_a_terminal() -> None:
    """What the message repeats of a file is spelled out, and short."""
    with pytest.raises(pa.UsageError) as caught:
        list(read_configuration("\x1b[31m" + "x" * 500, "vm.cfg"))
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 200
