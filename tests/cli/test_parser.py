"""Words become a verb and its options; whoever misspells one is told the nearest, and help fits."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.cli import main, parser
from platform_abi.cli.options import VERBS
from platform_abi.cli.parser import declarations, parse

verbs = st.sampled_from(sorted(VERBS))


def _refused(words: list[str]) -> pa.UsageError:
    with pytest.raises(pa.UsageError) as caught:
        parse(VERBS, words)
    assert caught.value.code == "usage"
    return caught.value


@given(verb=verbs, data=st.data())
def test_a_misspelt_verb_is_told_the_nearest(verb: str, data: st.DataObject) -> None:
    """A letter that was left out."""
    at = data.draw(st.integers(0, len(verb) - 1))
    wrong = verb[:at] + verb[at + 1 :]
    assert f"'{verb}'" in _refused([wrong]).message
    assert f"unknown verb '{wrong}'" in _refused([wrong]).message


# ``run`` takes every word for one of QEMU's.
@given(verb=verbs.filter(lambda verb: verb != "run"), data=st.data())
def test_a_misspelt_option_is_told_the_nearest_of_its_verb(verb: str, data: st.DataObject) -> None:
    """Whichever verb, and whether or not a value hangs on it; the help of that verb is named."""
    every = [
        spelling
        for name, declared in declarations(VERBS[verb][1])
        for spelling in declared.spellings(name)
        if spelling.startswith("--")
    ]
    right = data.draw(st.sampled_from(every))
    wrong = f"{right[:-1]}_{right[-1]}"
    misspelt = f"{wrong}=x" if data.draw(st.booleans()) else wrong
    error = _refused([verb, misspelt, *_required(verb)])
    assert f"'{right}'" in error.message
    assert error.message.startswith(f"{verb} does not take '{wrong}")
    assert error.help == f"see 'platform-abi {verb} --help'"


def _required(verb: str) -> list[str]:
    words: list[str] = []
    for name, declared in declarations(VERBS[verb][1]):
        how: dict[str, Any] = declared.how
        if declared.flags is None and how.get("nargs") in (None, "+") and "default" not in how:
            words.append(how["choices"][0] if "choices" in how else "x")
        elif how.get("required"):
            words += [declared.spellings(name)[0], "x"]
    return words


def test_what_is_none_of_a_choice_is_told_the_nearest() -> None:
    """Of an option and of a word that is told by its place."""
    shell = _refused(["resolve", "--format", "shel"]).message
    assert shell.startswith("--format takes lines, shell, ")
    assert shell.endswith("found 'shel'; did you mean 'shell'?")
    assert "found 'plattform'; did you mean 'platform'?" in (
        _refused(["diff", "plattform", "a", "b"]).message
    )


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_examples_that_it_takes(verb: str) -> None:
    """Each is a whole line of a shell, of which the part that is ours is parsed."""
    kind = VERBS[verb][1]
    assert kind.examples
    for line in kind.examples:
        words = shlex.split(re.split(" >>? ", line.rpartition("| ")[2])[0])
        assert words[:2] == ["platform-abi", verb]
        own, others = words[1:], []
        if "--" in own and verb != "run":
            at = own.index("--")
            own, others = own[:at], own[at + 1 :]
        assert parse(VERBS, own, others)[0] == verb


@pytest.mark.parametrize("words", [[], *([verb] for verb in sorted(VERBS))])
@pytest.mark.parametrize("columns", [60, 80, 300])
def test_help_is_of_the_width_of_the_terminal(
    words: list[str], columns: int, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """No line of prose is wider; examples are not broken; ``help VERB`` is ``VERB --help``."""
    monkeypatch.setenv("COLUMNS", str(columns))
    parser._width.cache_clear()
    shown = []
    for asked in (["help", *words], [*words, "--help"]):
        with pytest.raises(SystemExit) as left:
            main(asked)
        assert left.value.code == 0
        shown.append(capsys.readouterr().out)
    parser._width.cache_clear()
    assert shown[0] == shown[1]
    examples = VERBS[words[0]][1].examples if words else ()
    lines = shown[0].splitlines()
    assert [line[4:] for line in lines if line.startswith("  $ ")] == [*examples]
    wide = [line for line in lines if len(line) > columns and not line.startswith("  $ ")]
    # A word, or an option with its value, that is longer than the line is all that sticks out.
    assert [line for line in wide if not re.fullmatch(r" *(\S+|\[[^\]]+\])", line)] == []
