"""The list of what is looked at: each device once, and every key a known one."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa


def test_a_wrong_list_is_an_error_with_its_place(tmp_path: Path) -> None:
    """A device that stands twice would be looked at once; an unknown key is misspelt."""
    (tmp_path / "guests").mkdir()
    assert pa.FileCatalogue([tmp_path]).guest_devices("x") is None
    for text, said in (
        ('[[device]]\ndriver = "a"\n[[device]]\ndriver = "a"\n', "stands twice"),
        ('[[device]]\ndriver = "a"\noption = "b"\n', "did you mean 'options'"),
    ):
        (tmp_path / "guests/x.toml").write_text(f'schema = 1\narch = "x"\n{text}')
        with pytest.raises(pa.DefinitionError, match=said) as caught:
            pa.FileCatalogue([tmp_path]).guest_devices("x")
        assert "x.toml:" in caught.value.message


def test_devices_of_another_architecture_are_looked_at_as_well(tmp_path: Path) -> None:
    """Before those of its own; an architecture without a list is an error with its place."""
    (tmp_path / "guests").mkdir()
    (tmp_path / "guests/x.toml").write_text('schema = 1\narch = "x"\n[[device]]\ndriver = "a"\n')
    (tmp_path / "guests/y.toml").write_text(
        'schema = 1\narch = "y"\ndevices-of = "x"\n[[device]]\ndriver = "b"\n'
    )
    found = pa.FileCatalogue([tmp_path]).guest_devices("y")
    assert found is not None
    assert [device.driver for device in found.device] == ["a", "b"]
    (tmp_path / "guests/x.toml").unlink()
    with pytest.raises(pa.DefinitionError, match=r"y\.toml:3:.*no file of guests") as caught:
        pa.FileCatalogue([tmp_path]).guest_devices("y")
    assert caught.value.code == "definition-name"
