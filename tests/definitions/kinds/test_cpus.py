"""``cpus/*.toml``: what is wrong with one, and what several say together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import platform_abi as pa
from platform_abi.definitions.structure import load
from tests.definitions.site import document_of

if TYPE_CHECKING:
    from pathlib import Path

SOUND = """schema = 1
arch = "x86_64"
controls = ["kvm.msr.0000048d"]
[[granted]]
flags = ["a"]
reason = "always"
source = "here"
[register."kvm.cpuid.00000001.00.edx"]
0 = ["a", "alpha"]
31 = ["b"]
[behind]
a = ["b"]
[model.one]
vendor = "X"
flags = ["a", "b"]
[model.two]
like = "one"
without = ["b"]
"""


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("00000001.00.edx", "1.0.edx", "expected kvm.cpuid.LEAF.SUBLEAF.REGISTER, kvm.msr.INDEX"),
        ("31 = ", "32 = ", "expected a bit below 32"),
        ('["b"]\n[behind]', "[]\n[behind]", "expected at least one name"),
        ('like = "one"', 'like = "on"', "no CPU model 'on'; did you mean 'one'?"),
        ('like = "one"', 'like = "two"', "'two' is like itself"),
        ('["kvm.msr.0000048d"]', '["a"]', "expected an MSR, found 'a'"),
        ('reason = "always"', 'reason = ""', "expected flags, a reason and a source"),
    ],
)
def test_one_change_is_one_fault(before: str, after: str, expected: str) -> None:
    """What is no register, no bit or no model is named where it stands."""
    assert before in SOUND
    with pytest.raises(pa.DefinitionError) as caught:
        load(document_of("cpus"), SOUND.replace(before, after, 1).encode(), "x.toml")
    (fault,) = caught.value.faults
    assert expected in fault


def _site(folder: Path, **files: str) -> pa.FileCatalogue:
    (folder / "cpus").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "cpus" / f"{name}.toml").write_text(text)
    return pa.FileCatalogue([folder])


def test_files_of_one_architecture_are_one_table(tmp_path: Path) -> None:
    """Flags of one file and models of another; a model like another has the rest of its flags."""
    flags, _, models = SOUND.partition("[model.one]")
    catalogue = _site(
        tmp_path, flags=flags, models=f'schema = 1\narch = "x86_64"\n[model.one]{models}'
    )
    table = catalogue.cpus()["x86_64"]
    assert {"a": "a", "alpha": "a", "b": "b"} == table.names
    assert (("kvm.cpuid.00000001.00.edx", 31),) == table.bits["b"]
    assert (frozenset({"a"}), "X") == (table.flags_of("two"), table.models["two"].vendor)
    assert ({"a": ("b",)}, frozenset({"kvm.msr.0000048d"})) == (table.behind, table.controls)


def test_a_name_that_means_two_flags_is_refused(tmp_path: Path) -> None:
    """And so is a model with a flag that no register has."""
    other = 'schema = 1\narch = "x86_64"\n[register."kvm.cpuid.00000001.00.ecx"]\n0 = ["c", "b"]\n'
    with pytest.raises(pa.DefinitionError, match="CPU flag b has two meanings"):
        _site(tmp_path, one=SOUND, two=other).cpus()
    model = 'schema = 1\narch = "x86_64"\n[model.three]\nflags = ["bb"]\n'
    with pytest.raises(pa.DefinitionError, match=r"model.three: no CPU flag 'bb'"):
        _site(tmp_path, one=SOUND, two=model).cpus()


def test_a_group_has_the_bits_of_its_members(tmp_path: Path) -> None:
    """All of them; and a name with an underscore is its own before it is one with a dash."""
    (tmp_path / "cpus").mkdir()
    (tmp_path / "cpus" / "z.toml").write_text(
        """schema = 1
arch = "z"
[register."kvm.s390.stfle.0"]
1 = ["x-y"]
63 = ["b"]
[register."kvm.s390.extension.2"]
24 = ["b"]
[group]
x_y = ["x-y", "b"]
[model.m]
flags = ["x_y"]
[[later]]
generation = "7.2"
flags = ["b"]
models = ["m"]
"""
    )
    table = pa.FileCatalogue([tmp_path]).cpus()["z"]
    stfle, further = "kvm.s390.stfle.0", ("kvm.s390.extension.2", 24)
    assert table.bits["b"] == ((stfle, 63), further)
    assert table.bits["x_y"] == ((stfle, 1), (stfle, 63), further)
    assert (table.flag("x_y"), table.flag("x-y")) == ("x_y", "x-y")
    assert table.later[0].flags == {"b"}
