"""A file of a site's definitions that is wrong is told of, and in the way of what needs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import NIC, RESOLVE, Run, run_command

HOST = str(Path(__file__).parents[1] / "captures" / "constructed-debian-12.json")
ERROR = "Features 0x1c0010130afffaf unsupported. Allowed features: 0x10179bfffef"

PLATFORM = 'schema = 1\n[platform]\nname = "{}"\nlineage = "{}"\nversion = "99"\nextends = "{}"\n'

#: By its file: what is wrong, its place, and what is told to be left out for that.
WRONG = {
    "platforms/linux-99.toml": ("schema = 1\n[platform\n", ":2:10: ", "platform linux-99"),
    "platforms/debian/linux-debian-99.toml": (
        PLATFORM.format("linux-debian-99", "debian", "linux-6.1")
        + '[features]\n"virtio-net.host-usoo" = "on"\n',
        ":8:1: ",
        "platform linux-debian-99",
    ),
    "capabilities/site.toml": (
        'schema = 1\n[[capability]]\nid = "site.x"\n',
        ":2:1: ",
        "capabilities of capabilities/site.toml",
    ),
}

#: What needs none of these files.
VERBS = [
    ("platforms",),
    ("platforms", "--host", HOST),
    ("explain-error", ERROR),
    ("explain", "virtio-net.host-uso"),
    ("features", "virtio-net.host-uso"),
    ("capabilities", "tun.uso"),
    ("check", "this.lock", "--host", HOST),
    ("baseline", HOST),
    ("resolve", "-M", "pc-q35-9.1", "--platform", "linux-rhel-9.5", *NIC),
]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Run) -> Path:
    """Return an empty folder of this site's definitions, where a lockfile is at hand."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(folder))
    code, out, _ = run_command(capsys, *RESOLVE, *NIC, "--format", "lock")
    assert code == 0
    Path("this.lock").write_text(out)
    return folder


def _write(site: Path, file: str, text: str) -> Path:
    path = site / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_rest_is_answered_as_without_them(site: Path, capsys: Run) -> None:
    """Each verb that does not need these files says the same, and names each once, if at all."""
    before = [run_command(capsys, *words) for words in VERBS]
    said = {
        f"left out: {what}: {_write(site, file, text)}{place}"
        for file, (text, place, what) in WRONG.items()
    }
    told: list[str] = []
    for words, (code, out, err) in zip(VERBS, before, strict=True):
        now, its_out, its_err = run_command(capsys, *words)
        own = [line for line in its_err.splitlines() if line.startswith("left out:")]
        others = [line for line in its_err.splitlines() if line not in own]
        listed = "linux-debian-99" in its_out  # a list of platforms needs nothing of features
        assert (now, others) == (code, err.splitlines()), words
        assert listed or its_out == out, words
        named = [each for line in own for each in said if line.startswith(each)]
        assert len(own) == len(named) == len({*named}), own
        told += named
    assert {*told} == said


def test_what_needs_it_is_refused(site: Path, capsys: Run) -> None:
    """By the place of what is wrong: a list may go without it, whoever names it may not."""
    for file, (text, _, _) in WRONG.items():
        _write(site, file, text)
    _write(site, "platforms/linux-98.toml", PLATFORM.format("linux-98", "linux", "linux-99"))
    for words in (
        ("platforms", "linux-99", "--host", HOST),
        ("platforms", "linux-debian-99", "--host", HOST),
        ("resolve", "-M", "pc-q35-9.1", "--platform", "linux-98", *NIC),
    ):
        code, out, err = run_command(capsys, *words)
        assert (code, out) == (3, ""), words
        assert f"error[definition-{'invalid' if 'debian' in words[1] else 'syntax'}]" in err
    _, _, err = run_command(capsys, "platforms")
    lines = [line for line in err.splitlines() if "left out" in line]
    assert len(lines) == 2
    assert "platform linux-99: as platform linux-98 is" in lines[1]


def test_a_feature_of_a_capability_that_nobody_can_read_is_on_for_nobody(
    site: Path, capsys: Run
) -> None:
    """Since when a kernel has it stands in the file that is wrong: what levels imply is unknown."""
    feature = (
        'schema = 1\n[[feature]]\nid = "virtio-net.site"\ntitle = "Of this site"\n'
        'edition = "2026.1"\nwhen-supported = "on"\nproperties = ["virtio-net-device.site"]\n'
        '[feature.requires]\ntap = ["tun.uso", "site.x"]\n"tap+vhost" = ["tun.uso", "site.x"]\n'
    )
    _write(site, "features/virtio-net.toml", feature)
    file = "capabilities/site.toml"
    _write(site, file, WRONG[file][0])
    code, out, err = run_command(
        capsys, "resolve", "-M", "pc-q35-9.1", "--platform", "linux-rhel-9.5", *NIC
    )
    assert (code, out) == (3, "")
    assert f"{site}/{file}:2:1: " in err
    code, out, err = run_command(capsys, "platforms", "--host", HOST, "--json")
    verdicts = {each["name"]: each["supported"] for each in json.loads(out)["platforms"]}
    assert code == 0
    assert "linux-6.9" in verdicts
    assert "linux-rhel-9.5" not in verdicts
    assert "left out: platform linux-rhel-9.5: " in err


def test_what_all_platforms_need_is_an_error_of_all(site: Path, capsys: Run) -> None:
    """A mask that cannot be read may withdraw anything; what a host is does not hang on it."""
    path = _write(site, "masks/site.toml", "schema = 1\n[[mask\n")
    code, out, err = run_command(capsys, "platforms", "--host", HOST)
    assert (code, out) == (3, "")
    assert f"error[definition-syntax]: {path}:2:7: " in err
    code, out, err = run_command(capsys, "explain-error", ERROR)
    assert code == 0
    assert "virtio-net.host-uso" in out
    assert "newest platforms that do not turn it on" not in out
    assert f"left out: advice on platforms: {path}:2:7: " in err
