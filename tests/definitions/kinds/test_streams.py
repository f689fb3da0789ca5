"""What was found out by moving guests between builds, as its file says it."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa

PAIR = '[[pair]]\nsource = "a"\ndestination = "b"\nmachines = ["m"]\n'


def test_what_was_never_tried_is_not_nothing(catalogue: pa.FileCatalogue) -> None:
    """An architecture without such a file is told from one where everything moves."""
    assert catalogue.streams("loongarch64") is None
    assert catalogue.streams("x86_64") is not None


def test_all_pairs_of_builds_of_which_a_binary_was_had_were_tried(
    catalogue: pa.FileCatalogue,
) -> None:
    """Both ways and each to itself, on machine types that both have, with drivers of theirs."""
    table = catalogue.streams("x86_64")
    assert table is not None
    asked = {
        name
        for name in catalogue.builds("x86_64")
        if catalogue.build(name, "x86_64").confidence == "high"
    }
    tried = {(pair.source, pair.destination) for pair in table.pair}
    assert tried == {(a, b) for a in asked for b in asked}
    for pair in table.pair:
        both = [
            catalogue.build(name, "x86_64").machines for name in (pair.source, pair.destination)
        ]
        assert {*pair.machines} <= {*both[0]} & {*both[1]}
        types = catalogue.types(pair.source, "x86_64")
        # A machine that does not move by itself shows nothing of its devices.
        alone = {machine for s in pair.stopped if not s.driver for machine in s.machines}
        for machine in pair.machines:
            assert machine in alone or len(table.tried(pair, machine)) >= 50
            assert table.tried(pair, machine) <= types.parents.keys()
        assert all(not s.driver or s.driver in types for s in pair.stopped)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PAIR + PAIR, "a to b stands twice"),
        (PAIR + '[[pair.stopped]]\ndriver = "e"\nmachines = ["m"]\nreason = "r"\n', "e is none of"),
        (PAIR + '[[pair.untried]]\nmachines = ["n"]\ndrivers = ["d"]\n', "n is none of"),
        (PAIR + '[[pair.stopped]]\ndriver = "d"\nmachines = ["n"]\nreason = "r"\n', "n is none of"),
        (PAIR + '[[pair.stopped]]\ndriver = "d"\nmachines = []\nreason = "r"\n', "at least one"),
    ],
)
def test_what_contradicts_itself_is_refused(text: str, said: str, tmp_path: Path) -> None:
    """With its place."""
    (tmp_path / "streams").mkdir()
    (tmp_path / "streams" / "x86_64.toml").write_text(f'schema = 1\ndrivers.m = ["d"]\n{text}')
    with pytest.raises(pa.DefinitionError, match=said):
        pa.FileCatalogue([tmp_path]).streams("x86_64")
