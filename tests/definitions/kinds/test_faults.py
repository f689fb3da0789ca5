"""What is wrong with a file of each kind beyond types: every check by the fault it finds."""

from __future__ import annotations

from typing import Any

import pytest

import platform_abi as pa
from platform_abi.definitions.structure import load
from tests.definitions.site import document_of

RULE = 'drivers = ["d"]\nproperties = ["p"]\nreason = "r"\nsource = "hw/x.c"\n'

#: A file of each kind that has nothing wrong, with a mark for each place that a case changes.
SOUND = {
    "realize": f"""schema = 1
[[rule]]
{RULE}values = ["a"]
becomes = "b"
[[initial]]
{RULE}value = "1"
[[board]]
{RULE}value = "1"
machines = ["pc"]
[[inner]]
type = "t"
drivers = ["d"]
""",
    "visibility": f"""schema = 1
[[rule]]
seen = "host"
properties = ["a*", "*b"]
reason = "r"
[[board]]
families = ["pc"]
drivers = ["d"]
[[same]]
{RULE}values = ["a", "b"]
[[same]]
{RULE}values = ["c", "d"]
""",
    "guests": """schema = 1
arch = "x86_64"
[[board]]
family = "pc"
bus = "pcie.0"
[[device]]
driver = "a"
[[device]]
driver = "a"
backend = "tap"
""",
    "lineages": """schema = 1
[[lineage]]
name = "acme"
clones = ["copy"]
distributions = ["kin"]
kernels = ["-acme$"]
""",
    "options": """schema = 1
argument = ["device", "drive"]
plain = ["S"]
[alias]
fda = ["drive", "if=floppy"]
[[device]]
option = "drive"
driver = "d"
""",
}

#: Kind, what is changed into what, and the fault that comes of it, without its place.
CASES = [
    ("realize", 'becomes = "b"', "", "rule[1]: expected one of becomes, of, form and left-to"),
    (
        "realize",
        'becomes = "b"',
        'becomes = "b"\nof = "q"',
        "rule[1]: expected one of becomes, of, form and left-to",
    ),
    (
        "realize",
        'values = ["a"]',
        "",
        "rule[1]: expected values or unset = true; a form is about all values",
    ),
    ("realize", 'machines = ["pc"]', "machines = []", "board[1]: expected at least one family"),
    (
        "realize",
        'type = "t"\ndrivers = ["d"]',
        'type = "t"\ndrivers = []',
        "inner[1].drivers: expected at least one driver",
    ),
    ("visibility", 'reason = "r"\n[[board', 'reason = " "\n[[board', "rule[1].reason: a rule must"),
    (
        "visibility",
        'properties = ["a*", "*b"]',
        "properties = []",
        "rule[1].properties: expected at least one property",
    ),
    ("visibility", '"a*"', '"a*c"', "rule[1].properties[1]: expected one '*', at an end"),
    ("visibility", '"a*"', '"*a*"', "rule[1].properties[1]: expected one '*', at an end"),
    ("visibility", '["pc"]', "[]", "board[1].families: expected at least one family"),
    ("visibility", '["a", "b"]', '["a", "a"]', "same[1].values: expected at least two values"),
    (
        "visibility",
        '["c", "d"]',
        '["b", "d"]',
        "same[2].values: a value is the same as those of one entry only",
    ),
    ("lineages", '"copy"', '"a copy"', "lineage[1].clones[1]: "),
    ("lineages", '"kin"', '"-"', "lineage[1].distributions[1]: "),
    ("lineages", '"-acme$"', '"("', "lineage[1].kernels[1]: expected a regular expression"),
    ("guests", 'backend = "tap"', "", "device[2].driver: 'a' stands twice; give one a backend"),
    ("options", '["S"]', '["S", "drive"]', "plain[2]: 'drive' takes an argument or takes none"),
    ("options", '["S"]', '["-S"]', "plain[1]: expected a name without dashes"),
    ("options", '"drive"]\n', '"drive", "-x"]\n', "argument[3]: expected a name without dashes"),
    ("options", '["drive", "if=floppy"]', "[]", "alias.fda: expected an option, and a value"),
    ("options", '"if=floppy"]', '"a", "b"]', "alias.fda: expected an option, and a value"),
    (
        "options",
        'option = "drive"',
        'option = "S"',
        "device[1].option: expected an option of this file with an argument",
    ),
    (
        "options",
        '["S"]',
        '["S"]\ntexts = ["S"]',
        "texts[1]: expected an option of this file with an argument",
    ),
    (
        "options",
        "[alias]",
        '[implied]\nS = "x"\n[alias]',
        "implied.S: expected an option of this file with an argument",
    ),
]

#: What every entry about values is founded on, wherever it stands.
ENTRIES = [
    ("realize", "rule", 1, "rule[1]"),
    ("realize", "initial", 2, "initial[1]"),
    ("realize", "board", 3, "board[1]"),
    ("visibility", "same", 1, "same[1]"),
]

LACKS = [
    ('drivers = ["d"]', "drivers = []", "expected at least one driver and one property"),
    ('properties = ["p"]', "properties = []", "expected at least one driver and one property"),
    ('reason = "r"', 'reason = ""', "expected a reason, and a source: file and function of QEMU"),
    ('source = "hw/x.c"', 'source = ""', "expected a reason, and a source"),
]


def _faults(kind: str, text: str) -> list[str]:
    """Return the faults of a file without its name, their lines and columns."""
    with pytest.raises(pa.DefinitionError) as caught:
        load(document_of(kind), text.encode(), "x.toml")
    return [fault.split(": ", 1)[1] for fault in caught.value.faults]


@pytest.mark.parametrize("kind", SOUND)
def test_what_is_sound_has_no_fault(kind: str) -> None:
    """Each case below changes one thing in a file that is right."""
    document: Any = load(document_of(kind), SOUND[kind].encode(), "x.toml")
    assert [] == list(document.faults())


@pytest.mark.parametrize(("kind", "before", "after", "expected"), CASES)
def test_each_fault_is_found_at_its_place(
    kind: str, before: str, after: str, expected: str
) -> None:
    """One change, one fault, which names the key and what was expected there."""
    assert before in SOUND[kind]
    (fault,) = _faults(kind, SOUND[kind].replace(before, after, 1))
    assert fault.startswith(expected)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry[0]} {entry[1]}")
@pytest.mark.parametrize(("before", "after", "expected"), LACKS)
def test_an_entry_says_what_it_is_about_and_why(
    entry: tuple[str, str, int, str], before: str, after: str, expected: str
) -> None:
    """Drivers, properties, a reason and a source: without one, nobody could look it up."""
    kind, array, number, place = entry
    parts = SOUND[kind].split(RULE)
    changed = RULE.replace(before, after)
    text = RULE.join(parts[:number]) + changed + RULE.join(parts[number:])
    assert f"[[{array}]]\n{changed}" in text
    assert any(fault.startswith(f"{place}: {expected}") for fault in _faults(kind, text))


@pytest.mark.parametrize("key", ["qemu-since", "qemu-until", "since", "until"])
@pytest.mark.parametrize(
    "version",
    ["9.x", "", "v9", "9.1.2.3.4", "9,1", "9.1rc1", "1!9", "9.1+local", "09.1", " 9", "100000"],
)
def test_versions_are_releases(key: str, version: str) -> None:
    """What no release is called would never be reached, without a word."""
    text = SOUND["realize"].replace("[[rule]]\n", f'[[rule]]\n{key} = "{version}"\n')
    expected = f"rule[1].{key}: expected a QEMU release such as '9.1', found '{version}'"
    assert [expected] == _faults("realize", text)


@pytest.mark.parametrize(
    ("since", "until", "sound"),
    [("9.1", "9.2", True), ("9.9", "9.10", True), ("9.1", "9.1", False), ("9.10", "9.9", False)],
)
@pytest.mark.parametrize("prefix", ["", "qemu-"])
def test_a_range_has_something_in_it(since: str, until: str, sound: bool, prefix: str) -> None:
    """What ends before it begins would apply to nothing; releases are compared as such."""
    keys = f'{prefix}since = "{since}"\n{prefix}until = "{until}"\n'
    text = SOUND["realize"].replace("[[rule]]\n", f"[[rule]]\n{keys}")
    if sound:
        load(document_of("realize"), text.encode(), "x.toml")
    else:
        expected = f"rule[1].{prefix}until: expected a release after '{since}', found '{until}'"
        assert [expected] == _faults("realize", text)


def test_a_features_generations_have_something_in_them() -> None:
    """The same of the generations of machine types that a feature is for."""
    text = """schema = 1
[[feature]]
id = "net.uso"
title = "USO"
edition = "2026.1"
properties = ["net-device.uso"]
generation = "9.10"
until = "9.9"
"""
    expected = "feature[1].until: expected a release after '9.10', found '9.9'"
    assert [expected] == _faults("features", text)
