"""Lint: every fault at once, each with its place, and none in what is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_abi.author.lint import LintFinding, lint
from platform_abi.errors import UsageError
from tests.conftest import DEFINITIONS
from tests.definitions.site import CAPABILITIES, FEATURES, small, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a small whole set of definitions."""
    small(tmp_path / "whole")
    return tmp_path / "whole"


def _found(folder: Path) -> list[LintFinding]:
    return lint([str(folder)], str(folder))


def _codes(folder: Path) -> set[str]:
    return {finding.code for finding in _found(folder)}


#: What the small definitions are found to lack; they are as short as tests want them.
BASE = {"lint-source", "lint-impossible", "lint-title"}


def test_what_is_shipped_has_no_error() -> None:
    """And of warnings only that a host is asked for more than features need."""
    found = lint([DEFINITIONS])
    assert [each for each in found if each.level == "error"] == []
    assert {each.code for each in found} == {"lint-unused"}


def test_the_small_definitions_lack_what_is_known(folder: Path) -> None:
    """What the other tests find is by what they change."""
    assert _codes(folder) == BASE


PLATFORM = """
schema = 1
[platform]
name = "test-3"
lineage = "test"
version = "3"
title = "Third"
extends = "test-2"
"""

UNASKABLE = '[[capability]]\nid = "tun.x"\ntitle = "X"\nsubsystem = "tun"\n'
UNUSED = f'{UNASKABLE}since = "6.1"\n'

#: By the code that it is found by: file, and what it is then.
FAULTS = {
    "lint-capability": ("features/net.toml", FEATURES.replace('["tun.uso"]', '["tun.usso"]')),
    "lint-edition": ("features/net.toml", FEATURES.replace("2026.1", "2031.7", 1)),
    "lint-kernel": (
        "platforms/linux/linux-6.1.toml",
        PLATFORM.replace("test-3", "linux-6.1")
        .replace('"test"', '"linux"')
        .replace('"3"', '"6.1"'),
    ),
    "lint-level": ("platforms/test/test-3.toml", PLATFORM + '[platform.levels]\ntunn = "6.2"\n'),
    "lint-lineage": ("platforms/other/test-3.toml", PLATFORM),
    "lint-name": ("features/net.toml", FEATURES.replace("\ntap = ", "\ntapp = ")),
    "lint-property": (
        "features/net.toml",
        FEATURES.replace("net-device.uso", "net-device.usoo"),
    ),
    "lint-redundant": (
        "platforms/test/test-3.toml",
        PLATFORM + '[features]\n"net.queues" = 4\n',
    ),
    "lint-twice": (
        "features/net.toml",
        FEATURES.replace('["net-device.queues"]', '["net-device.uso"]'),
    ),
    "lint-unaskable": (
        "capabilities/tun.toml",
        CAPABILITIES + UNASKABLE,
    ),
    "lint-unread": ("platform/test-3.toml", PLATFORM),
    "lint-unused": (
        "capabilities/tun.toml",
        CAPABILITIES + UNUSED,
    ),
    "definition-invalid": (
        "platforms/test/test-3.toml",
        PLATFORM + '[features]\n"net.usso" = "on"\n',
    ),
    "definition-syntax": ("features/net.toml", FEATURES + "\n[["),
}  # fmt: skip


@pytest.mark.parametrize("code", [*FAULTS])
def test_each_fault_is_found_by_its_code(code: str, folder: Path) -> None:
    """And says the file that it is in."""
    relative, text = FAULTS[code]
    write(folder, relative, text)
    found = [each for each in _found(folder) if each.code == code]
    assert found
    assert f"{folder}/" in found[0].text
    named = relative if code != "lint-kernel" else "capabilities/tun.toml"
    assert named in found[0].text


def test_a_feature_that_no_host_can_have_is_found(folder: Path) -> None:
    """Every backend needs what no kernel has."""
    (found,) = (each for each in _found(folder) if each.code == "lint-impossible")
    assert "feature[2].requires" in found.text
    write(folder, "capabilities/tun.toml", CAPABILITIES.replace('"never"', '"6.1"'))
    assert "lint-impossible" not in _codes(folder)


def test_all_faults_are_found_at_once(folder: Path) -> None:
    """One broken file hides nothing of the others."""
    for code in ("lint-edition", "lint-level", "lint-unread", "lint-unaskable"):
        relative, text = FAULTS[code]
        write(folder, relative, text)
    write(folder, "masks/broken.toml", "schema = ")
    wanted = {"lint-edition", "lint-level", "lint-unread", "lint-unaskable", "definition-syntax"}
    assert wanted <= _codes(folder)


def test_the_nearest_name_is_said(folder: Path) -> None:
    """What is misspelt is told what it may have been."""
    relative, text = FAULTS["lint-property"]
    write(folder, relative, text)
    (found,) = (each for each in _found(folder) if each.code == "lint-property")
    assert "did you mean 'uso'" in found.text
    line = text.partition("net-device.usoo")[0].count("\n") + 1
    assert f"net.toml:{line}:" in found.text


def test_findings_of_other_folders_are_not_this_ones(folder: Path, tmp_path: Path) -> None:
    """A site is told of its own files; without a folder, everything counts."""
    site = tmp_path / "site"
    write(site, "platforms/test-3.toml", PLATFORM)
    assert lint([folder, site], str(site)) == []
    assert {each.code for each in lint([folder, site])} == BASE


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    """It has no definitions, and no faults either."""
    with pytest.raises(UsageError) as error:
        lint([str(tmp_path)], f"{tmp_path}/nowhere")
    assert error.value.code == "definitions-missing"
