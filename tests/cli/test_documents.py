"""What --json prints: one document for each verb, which its shipped schema describes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from platform_abi.cli import main
from tests.documents import SCHEMAS, schema, validated

TOOL = Path(__file__).parents[2] / "tools" / "json_schemas.py"
HOSTS = Path(__file__).parents[1] / "captures"
DEBIAN, UBUNTU = (str(HOSTS / f"constructed-{name}.json") for name in ("debian-12", "ubuntu-24.04"))

_NIC = ("--device", "virtio-net-pci,netdev=n0,id=nic0", "--netdev", "tap,id=n0")
_VM = ("--machine", "pc-q35-9.1", "--build", "qemu-10.0.2", *_NIC)
_CPU = ("--cpu", "EPYC-v4,vendor=AuthenticAMD")
_BEYOND = ("--global", "virtio-net-device.host_uso=on", "--cpu", "host")
_69 = ("--platform", "linux-6.9")

_MASKS = "Features 0x1c0010130afffaf unsupported. Allowed features: 0x10179bfffef"

#: Schema -> command lines whose documents it describes.
COMMANDS: dict[str, list[tuple[str, ...]]] = {
    "resolve": [
        ("resolve", *_VM, *_CPU, *_69),
        ("resolve", *_VM, *_BEYOND, "--platform", "linux-6.1"),
        ("resolve", *_VM, *_CPU, *_69, "--full"),
    ],
    "explain": [
        ("explain", "virtio-net-pci.host_uso", *_VM, *_CPU, *_69),
        ("explain", "virtio-net-pci.speed", *_VM, *_CPU, *_69),
    ],
    "platforms": [("platforms",)],
    "platform": [("platforms", "linux-rhel-9.5"), ("platforms", "conservative")],
    "platforms-host": [
        ("platforms", "--host", DEBIAN),
        ("platforms", "linux-6.2", "--host", UBUNTU, "--backend", "user"),
    ],
    "check": [
        ("check", *_VM, *_CPU, *_69, "--host", DEBIAN),
        ("check", *_VM, *_BEYOND, *_69, "--host", UBUNTU, "--force", "--allow-unknown"),
    ],
    "check-migration": [("check", *_VM, *_BEYOND, *_69, "--from", UBUNTU, "--to", DEBIAN)],
    "baseline": [("baseline", DEBIAN, UBUNTU), ("baseline", UBUNTU, "--joins", DEBIAN)],
    "diff": [
        ("diff", "platform", "linux-5.14", "linux-rhel-9.5"),
        ("diff", "host", DEBIAN, UBUNTU),
        ("diff", "edition", "2026.1", "2026.2"),
    ],
    "diff-machine": [
        ("diff", "machine", "pc-q35-9.0", "pc-q35-9.1", "--build", "qemu-10.0.2", "--all"),
        ("diff", "build", "qemu-7.2.22", "qemu-10.0.2", "-M", "pc-q35-7.2"),
    ],
    "explain-error": [
        ("explain-error", _MASKS),
        ("explain-error", "--device", "virtio-net-pci", "Features 0x3 unsupported. Allowed: 0x0"),
        ("explain-error", "nothing"),
    ],
    "explain-id": [
        ("explain", "virtio-net.host-uso"),
        ("explain", "virtio-net-pci.host_uso"),
        ("explain", "vhost-net.version-1"),
        ("explain", "netdev.vhost-user"),
        ("explain", "linux-6.9@2026.1"),
        ("explain", "unpinned"),
        ("explain", "unknown-section"),
    ],
    "features": [("features",), ("features", "virtio-net"), ("features", "virtio-net.host-uso")],
    "capabilities": [("capabilities",), ("capabilities", "tun"), ("capabilities", "tun.uso")],
}  # fmt: skip


def _tool() -> Any:
    spec = importlib.util.spec_from_file_location("json_schemas", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_schemas_say_what_documents_are_made_by() -> None:
    """Each is derived from the shapes and the types of the values; none is left over."""
    texts = _tool().texts()
    shipped = {path.name: path.read_text("utf-8") for path in SCHEMAS.iterdir()}
    assert {name for name in shipped if name.endswith(".json")} == texts.keys()
    assert {name: shipped[name] for name in texts} == texts


@pytest.mark.parametrize("name", sorted(path.name for path in SCHEMAS.iterdir()))
def test_a_schema_is_one(name: str) -> None:
    """It is valid itself, and knows no key besides those that it names."""
    assert schema(name.removesuffix(".schema.json"))["additionalProperties"] is False


@pytest.mark.parametrize(
    ("name", "words"), [(name, words) for name, each in COMMANDS.items() for words in each]
)
def test_what_is_printed_is_as_its_schema_says(
    capsys: pytest.CaptureFixture[str], name: str, words: tuple[str, ...]
) -> None:
    """One document on stdout and nothing on stderr, whether the answer is yes or no."""
    assert main([*words, "--json"]) in (0, 1)
    out, err = capsys.readouterr()
    assert err == ""
    validated(name, out)


def test_two_lockfiles(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What differs between lockfiles is a document like that of platforms and hosts."""
    old, new = (str(tmp_path / name) for name in ("old", "new"))
    for file, platform in ((old, "linux-6.1"), (new, "linux-6.9")):
        main(["resolve", *_VM, *_CPU, "--platform", platform, "--lock", file])
    capsys.readouterr()
    assert main(["diff", "abi", old, new, "--json"]) == 1
    assert validated("diff", capsys.readouterr().out)["differences"]


@pytest.mark.parametrize(
    "words", [("resolve",), ("platforms", "x"), ("check", "/none"), ("diff", "abi", "x", "y")]
)
def test_an_error_is_a_document_too(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """It is on stderr, and stdout stays empty."""
    assert main([*words, "--json"]) > 1
    out, err = capsys.readouterr()
    assert out == ""
    validated("error", err)
