"""Faults of a definition file: all at once, each with its place and what was expected."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.definitions.kinds.capabilities import Document as CapabilityFile
from platform_abi.definitions.kinds.devices import Document as DeviceFile
from platform_abi.definitions.kinds.editions import Document as EditionFile
from platform_abi.definitions.kinds.features import Document as FeatureFile
from platform_abi.definitions.kinds.machines import Document as MachineFile
from platform_abi.definitions.kinds.masks import Document as MaskFile
from platform_abi.definitions.kinds.platforms import Document as PlatformFile
from platform_abi.definitions.kinds.types import Document as TypesFile
from platform_abi.definitions.structure import load
from platform_abi.model.feature import UNDECIDED
from tests.definitions.site import DOCUMENTS, SMALL, document_class

FEATURE = """schema = 1
[[feature]]
id = "net.uso"
title = "USO"
edition = "2026.1"
properties = ["net-device.uso"]
"""

PLATFORM = """schema = 1
[platform]
name = "linux-1"
lineage = "linux"
"""

MACHINE = """schema = 1
[build]
name = "qemu-9"
version = "9.0.1"
arch = "x86_64"
"""


def faults(cls: Any, text: str | bytes) -> list[str]:
    """Return the faults of *text* without the name of the file."""
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(pa.DefinitionError) as caught:
        load(cls, data, "x.toml")
    for fault in caught.value.faults:
        assert re.match(r"x\.toml:\d+:\d+: |x\.toml: \d+ bytes", fault), fault
    assert str(caught.value) == "\n".join(caught.value.faults)
    return [fault.removeprefix("x.toml:") for fault in caught.value.faults]


# --- laws ----------------------------------------------------------------------------------------

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (FeatureFile, FEATURE + "generation = {}\n"),
        (FeatureFile, FEATURE + "kind = {}\n"),
        (FeatureFile, FEATURE + "{} = 1\n"),
        (FeatureFile, FEATURE + "fallback = {}\n"),
        (FeatureFile, FEATURE + 'type = "enum"\nvalues = ["a"]\nwhen-supported = {}\n'),
        (PlatformFile, PLATFORM + "extends = {}\n"),
        (PlatformFile, PLATFORM + "[features]\n{} = true\n"),
        (PlatformFile, PLATFORM + "levels = {{ {} = 1 }}\n"),
        (EditionFile, "schema = 1\nedition = {}\n"),
    ],
)
@given(value=st.from_regex(r"[^\x20-\x7e]", fullmatch=True), rest=_TEXT)
def test_a_fault_is_one_printable_line(cls: Any, text: str, value: str, rest: str) -> None:
    """Whatever a key or a value holds, a terminal shows it as text on one line."""
    quoted = '"' + "".join(f"\\U{ord(char):08X}" for char in value + rest) + '"'
    for fault in faults(cls, text.format(quoted)):
        assert fault.isprintable()


@given(st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1))
def test_every_fault_of_a_file_is_reported_in_the_order_of_the_file(names: list[str]) -> None:
    """One error has a line for each unknown key, sorted by place."""
    text = PLATFORM + "".join(f"no-{name} = 1\n" for name in names)
    found = faults(PlatformFile, text)
    assert [re.sub("; known: .*", "", fault) for fault in found] == [
        f"{line}:1: platform.no-{name}: unknown key" for line, name in enumerate(names, 5)
    ]


@given(st.sampled_from(sorted(UNDECIDED)), st.sampled_from(["plain", "edition"]))
def test_no_platform_lists_a_value_that_leaves_the_choice_to_the_host(
    value: str, form: str
) -> None:
    """``auto``, ``host``, ``max`` and nothing are refused, in an edition's table as well."""
    spelled = f'"{value}"' if form == "plain" else f'{{ "2026.1" = "{value}" }}'
    (fault,) = faults(PlatformFile, f'{PLATFORM}[features]\n"net.uso" = {spelled}\n')
    assert f"'{value}' leaves the value to the host" in fault


@given(
    st.sampled_from(sorted(UNDECIDED)),
    st.sampled_from(["fallback", "when-supported"]),
    st.sampled_from(["bool", "int", "size", "string", "enum"]),
)
def test_no_feature_has_a_value_that_leaves_the_choice_to_the_host(
    value: str, key: str, kind: str
) -> None:
    """``auto`` is no fallback and no supported value of any type, not even of an enum with it."""
    text = FEATURE + f'type = "{kind}"\nvalues = ["{value}", "x"]\n{key} = "{value}"\n'
    assert any(
        f".{key}: '{value}' leaves the value" in fault for fault in faults(FeatureFile, text)
    )


@pytest.mark.parametrize("relative", SMALL)
def test_a_sound_file_has_no_fault(relative: str) -> None:
    """One small example of every kind of file loads."""
    assert load(document_class(relative), SMALL[relative].encode(), "x.toml").schema == 1


# --- the whole file ------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", DOCUMENTS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: schema: expected schema = 1, found nothing"),
        ("schema = 2\n", "1:1: schema: expected schema = 1, found an integer, 2"),
        ("\nschema = '1'\n", "2:1: schema: expected schema = 1, found a string, '1'"),
        ("schema.a = 1\n", "1:1: schema: expected schema = 1, found a table, {'a': 1}"),
        (f"schema{'.a' * 31} = 1", "1:1: schema: expected schema = 1, found a table"),
        (f"schema = 0x{'f' * 9000}", "1:1: schema: expected schema = 1, found an integer"),
    ],
    ids=["missing", "newer", "text", "table", "endless table", "endless number"],
)
def test_a_file_of_another_schema_is_refused(cls: Any, text: str, expected: str) -> None:
    """Nothing else is said of a file that this version does not understand."""
    assert faults(cls, text) == [expected]


def test_schema_is_an_integer() -> None:
    """What Python takes for equal to 1 is not 1."""
    assert "1:1: schema: expected an integer, found true" in faults(FeatureFile, "schema = true")
    assert "1:1: schema: expected an integer, found a float, 1.0" in faults(
        FeatureFile, "schema = 1.0"
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff", "1:1: not UTF-8: byte 0xff"),
        (b"a = 1\nb = \xe9", "2:5: not UTF-8: byte 0xe9"),
        ("a = 'é'\n".encode() + b"\xc3(", "2:1: not UTF-8: byte 0xc3"),
        ("a = 1".encode("utf-16"), "1:1: not UTF-8: byte 0xff"),
        (b"a = '\x00'", "1:6: "),
        (b"a = '\x1b'", "1:6: "),
        (b"a = [1\n, 2", "2:4: "),
        (b"a = 1\na = 2\n", "2:6: "),
        (b"a = \n", "1:5: "),
        (b"a = 2020-99-99", "1:9: "),
        (b"a = " + b"[" * 5000, "1:1: nested too deeply, or a number is too long"),
        (b"a = " + b"{a=" * 5000, "1:1: nested too deeply, or a number is too long"),
        (b"a = " + b"1" * 5000, "1:1: nested too deeply, or a number is too long"),
    ],
)
def test_what_is_no_toml_has_a_place(data: bytes, expected: str) -> None:
    """A syntax error names line and column; what follows is partly in the words of tomllib."""
    (fault,) = faults(PlatformFile, data)
    assert fault.startswith(expected)
    assert len(fault) > len("1:1: x")
    with pytest.raises(pa.DefinitionError) as caught:
        load(PlatformFile, data, "x.toml")
    assert caught.value.code == "definition-syntax"


# --- types and keys ------------------------------------------------------------------------------


def test_all_faults_of_a_feature_file() -> None:
    """Wrong types, unknown, missing and misspelt keys come together, each with its place."""
    text = """schema = 1
[[feature]]
id = "net.a"
edition = "2026.1"
kind = "seting"
opt-in = "yes"
opt_in = true
values = ["a", 3]
fallbak = "off"
[feature.requires]
tap = "tun.uso"
[[feature]]
id = 5
title = "x"
edition = "2026.1"
[[examined]]
id = "x"
reson = "y"
"""
    assert faults(FeatureFile, text) == [
        "2:1: feature[1]: required key 'title' is missing",
        (
            "5:1: feature[1].kind: expected one of setting, precondition, guard, unpinnable;"
            " found 'seting'; did you mean 'setting'?"
        ),
        "6:1: feature[1].opt-in: expected true or false, found a string, 'yes'",
        "7:1: feature[1].opt_in: unknown key; did you mean 'opt-in' or 'pin'?",
        "8:16: feature[1].values[2]: expected a string, found an integer, 3",
        "9:1: feature[1].fallbak: unknown key; did you mean 'fallback'?",
        "11:1: feature[1].requires.tap: expected an array, found a string, 'tun.uso'",
        "13:1: feature[2].id: expected a string, found an integer, 5",
        "16:1: examined: unknown key; known: schema, feature",
    ]


@pytest.mark.parametrize(
    ("cls", "text", "expected"),
    [
        (PlatformFile, "schema = 1\n", "1:1: the file: required key 'platform' is missing"),
        (
            PlatformFile,
            "schema = 1\nplatform = 5\n",
            "2:1: platform: expected a table, found an integer, 5",
        ),
        (
            PlatformFile,
            "schema = 1\nplatform = 'name'\n",
            "2:1: platform: expected a table, found a string, 'name'",
        ),
        (
            PlatformFile,
            PLATFORM + "released = '2026-01-02'\n",
            "5:1: platform.released: expected a date, found a string, '2026-01-02'",
        ),
        (
            PlatformFile,
            PLATFORM + "released = 2026-01-02T03:04:05\n",
            "5:1: platform.released: expected a date, found a date and a time, 2026-01-02 03:04:05",
        ),
        (
            PlatformFile,
            PLATFORM + "released = 03:04:05\n",
            "5:1: platform.released: expected a date, found a time, 03:04:05",
        ),
        (
            PlatformFile,
            PLATFORM + "levels = ['6.2']\n",
            "5:1: platform.levels: expected a table, found an array, ['6.2']",
        ),
        (
            PlatformFile,
            PLATFORM + "levels.tun = 6.2\n",
            "5:1: platform.levels.tun: expected a string, found a float, 6.2",
        ),
        (
            PlatformFile,
            PLATFORM + "levels.tun = '6.x'\n",
            "5:1: platform.levels.tun: expected a kernel release such as '5.14', found '6.x'",
        ),
        (
            PlatformFile,
            PLATFORM + "[features]\na = true\n",
            (
                '6:1: features.a: expected a value such as "on",'
                " or false to remove the feature; found true"
            ),
        ),
        (
            PlatformFile,
            PLATFORM + "[features]\na = 1.5\n",
            (
                "6:1: features.a: expected a string, an integer, a table of editions or false;"
                " found a float, 1.5"
            ),
        ),
        (
            PlatformFile,
            PLATFORM + "[features]\na = ['x']\n",
            (
                "6:1: features.a: expected a string, an integer, a table of editions or false;"
                " found an array, ['x']"
            ),
        ),
        (
            PlatformFile,
            PLATFORM + "[features]\na = { '2026.1' = true }\n",
            '6:7: features.a."2026.1": expected a string, or false; found true',
        ),
        (
            PlatformFile,
            PLATFORM + "[features]\na = {}\n",
            "6:1: features.a: expected at least one edition",
        ),
        (
            PlatformFile,
            PLATFORM + "[features]\na = { '2026.01' = 'on' }\n",
            "6:7: features.a.\"2026.01\": expected an edition such as '2026.1', found '2026.01'",
        ),
        (
            PlatformFile,
            f"{PLATFORM}[features]\na = 0x{'f' * 9000}\n",
            "6:1: features.a: expected an integer of at most 64 bits",
        ),
        (
            PlatformFile,
            f"{PLATFORM}[features]\na{'.a' * 31} = 1\n",
            "6:1: features.a.a: expected a string, or false; found a table",
        ),
        (
            FeatureFile,
            "schema = 1\nfeature = ['a', 5, []]\n",
            "2:12: feature[1]: expected a table, found a string, 'a'",
        ),
        (
            FeatureFile,
            "schema = 1\nfeature = { id = 'x' }\n",
            "2:1: feature: expected an array, found a table, {'id': 'x'}",
        ),
        (
            FeatureFile,
            FEATURE + "kind = []\n",
            (
                "7:1: feature[1].kind: expected one of setting, precondition, guard, unpinnable;"
                " found an array, []"
            ),
        ),
        (
            FeatureFile,
            FEATURE + "opt-in = 1\n",
            "7:1: feature[1].opt-in: expected true or false, found an integer, 1",
        ),
        (
            FeatureFile,
            f"{FEATURE}note = {'[' * 300}{']' * 300}\n",
            "7:1: feature[1].note: expected a string, found an array",
        ),
        (
            CapabilityFile,
            SMALL["capabilities/tun.toml"] + f"probe = {{ method = 'x', request = {2**64} }}\n",
            "14:25: capability[2].probe.request: expected an integer of at most 64 bits",
        ),
    ],
)
def test_a_wrong_type_is_named_in_the_words_of_toml(cls: Any, text: str, expected: str) -> None:
    """A fault says what was expected and what was found, in no word of Python."""
    assert faults(cls, text)[0] == expected


def test_an_integer_may_have_64_bits() -> None:
    """Feature masks of ioctls do."""
    text = SMALL["capabilities/tun.toml"] + f"probe = {{ method = 'x', argument = {2**64 - 1} }}\n"
    probe = load(CapabilityFile, text.encode(), "x").capability[1].probe
    assert probe is not None
    assert probe.argument == 2**64 - 1


def test_an_endless_value_is_cut_off() -> None:
    """An error never repeats megabytes of a file."""
    (fault,) = faults(FeatureFile, FEATURE + f'generation = "{"9" * 100_000}"\n')
    assert "feature[1].generation: expected a QEMU release" in fault
    assert len(fault) < 1200


# --- what a type cannot say ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "text", "expected"),
    [
        (
            FeatureFile,
            FEATURE + 'generation = "8.x"\nuntil = "latest"\n',
            [
                "7:1: feature[1].generation: expected a QEMU release such as '8.2', found '8.x'",
                "8:1: feature[1].until: expected a QEMU release such as '8.2', found 'latest'",
            ],
        ),
        (
            FeatureFile,
            FEATURE + 'generation = "٨.٢"\n',
            ["7:1: feature[1].generation: expected a QEMU release such as '8.2', found '٨.٢'"],
        ),
        (
            FeatureFile,
            FEATURE.replace("net-device.uso", "uso"),
            ["6:15: feature[1].properties[1]: expected 'driver.property', found 'uso'"],
        ),
        (
            FeatureFile,
            FEATURE.replace('["net-device.uso"]', "[]"),
            ["2:1: feature[1]: a setting needs properties"],
        ),
        (
            FeatureFile,
            FEATURE + 'kind = "unpinnable"\n',
            [
                "2:1: feature[1]: an unpinnable feature must say in 'pin' what to write explicitly",
            ],
        ),
        (
            FeatureFile,
            FEATURE + 'fallback = "no"\nwhen-supported = "yes"\n',
            [
                "7:1: feature[1].fallback: expected one of on, off; found 'no'",
                "8:1: feature[1].when-supported: expected one of on, off; found 'yes'",
            ],
        ),
        (
            FeatureFile,
            FEATURE + 'type = "enum"\nfallback = "x"\n',
            [
                "2:1: feature[1]: a feature of type enum must list its values",
                "8:1: feature[1].fallback: expected one of ; found 'x'",
            ],
        ),
        (
            FeatureFile,
            FEATURE + 'type = "string"\nfallback = "a\\u0000b"\n',
            ["8:1: feature[1].fallback: a value has no control characters"],
        ),
        (
            FeatureFile,
            FEATURE + FEATURE.partition("\n")[2],
            ["7:1: feature[2]: 'net.uso' is already defined by feature[1]"],
        ),
        (
            FeatureFile,
            FEATURE.replace("net.uso", "../uso").replace("2026.1", "first"),
            [
                "2:1: feature[1]: expected a name of letters, digits and '._+-', found '../uso'",
                "5:1: feature[1].edition: expected an edition such as '2026.1', found 'first'",
            ],
        ),
        (
            CapabilityFile,
            SMALL["capabilities/tun.toml"].replace('"6.2"', '"soon"'),
            [
                (
                    "7:1: capability[1].since: expected a kernel release such as '6.2', or 'never';"
                    " found 'soon'"
                )
            ],
        ),
        (
            DeviceFile,
            (
                "schema = 1\n[[family]]\nname = 'a'\ndriver = 'a'\n"
                "bit = [{bit=1, name='X'}, {bit=1, name='Y'}, {bit=128, name='Z'},"
                " {bit=-1, name=''}]"
            ),
            [
                "5:27: family[1].bit[2]: bit 1 is already X",
                "5:47: family[1].bit[3].bit: expected a bit from 0 to 127",
                "5:68: family[1].bit[4].bit: expected a bit from 0 to 127",
            ],
        ),
        (
            MaskFile,
            (
                "schema = 1\n[[mask]]\nplatform = 'a b'\nfeature = ''\nreason = ' '\n"
                "date = 2026-01-02\n"
            ),
            [
                "3:1: mask[1].platform: expected a name of letters, digits and '._+-', found 'a b'",
                "4:1: mask[1].feature: expected a name of letters, digits and '._+-', found ''",
                "5:1: mask[1].reason: a mask must say why",
            ],
        ),
        (
            MachineFile,
            MACHINE.replace("9.0.1", "banana"),
            ["4:1: build.version: expected a QEMU release such as '9.1.2', found 'banana'"],
        ),
        (
            MachineFile,
            MACHINE
            + """[[machine]]
name = "pc-1"
family = "pc"
aliases = ["pc", "pc-2"]
generation = "x"
inherits = "pc-3"
compat = [["a", "b"], ["a", "b", "c"], ["a", "b", "c", "optional"], ["a", "b", "c", "perhaps"]]
[[machine]]
name = "pc-2"
family = "pc"
inherits = "pc-2"
aliases = ["pc"]
""",
            [
                "9:18: machine[1].aliases[2]: 'pc-2' is already a machine type",
                "10:1: machine[1].generation: expected a QEMU release such as '9.1', found 'x'",
                "11:1: machine[1].inherits: no machine type 'pc-3'; did you mean 'pc-2' or 'pc-1'?",
                (
                    "12:11: machine[1].compat[1]:"
                    ' expected [driver, property, value] and perhaps "optional"'
                ),
                (
                    "12:69: machine[1].compat[4]:"
                    ' expected [driver, property, value] and perhaps "optional"'
                ),
                "16:1: machine[2].inherits: 'pc-2' inherits from itself",
                "17:12: machine[2].aliases[1]: 'pc' is already an alias of pc-1",
            ],
        ),
        (
            TypesFile,
            "schema = 1\n[type.a]\nparent = 'a'\n",
            ["3:1: type.a.parent: 'a' is its own parent"],
        ),
        (
            EditionFile,
            "schema = 1\nedition = '26.1'\n",
            ["2:1: edition: expected an edition such as '2026.1', found '26.1'"],
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_place(cls: Any, text: str, expected: list[str]) -> None:
    """Names, versions, values and references are checked, all of them."""
    assert faults(cls, text) == expected


def test_machine_types_that_inherit_in_a_circle() -> None:
    """Each of them is at fault, and what leads into the circle is not."""
    entries = "".join(
        f'[[machine]]\nname = "{name}"\nfamily = "pc"\ninherits = "{parent}"\n'
        for name, parent in ("ab", "bc", "cb")
    )
    assert faults(MachineFile, MACHINE + entries) == [
        "13:1: machine[2].inherits: 'b' inherits from itself",
        "17:1: machine[3].inherits: 'c' inherits from itself",
    ]


def test_a_mask_may_withdraw_from_every_platform() -> None:
    """``*`` stands for all platforms."""
    text = SMALL["masks/site.toml"].replace('"test-2"', '"*"')
    assert load(MaskFile, text.encode(), "x").mask[0].platform == "*"


def test_a_bit_that_every_virtio_device_has_is_held_to_the_same() -> None:
    """Common bits are from 0 to 127 and each stands once, as those of a family."""
    text = """schema = 1
[[common-bit]]
bit = 5
name = "A"
[[common-bit]]
bit = 5
name = "B"
[[common-bit]]
bit = 128
name = "C"
"""
    with pytest.raises(pa.DefinitionError) as caught:
        load(DeviceFile, text.encode(), "x.toml")
    assert caught.value.faults == (
        "x.toml:5:1: common-bit[2]: bit 5 is already A",
        "x.toml:9:1: common-bit[3].bit: expected a bit from 0 to 127",
    )
