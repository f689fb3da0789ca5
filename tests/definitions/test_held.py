"""What is known of a build, held in a text and read again."""

from __future__ import annotations

import base64
import json
import zlib

import pytest

import platform_abi as pa
from platform_abi.definitions.held import held
from platform_abi.emit.held import build_files, held_text
from platform_abi.resolver.fingerprint import content_fingerprint

BUILDS = [("qemu-7.2.22", "x86_64"), ("qemu-11.1.3", "s390x")]


@pytest.mark.parametrize(("build", "arch"), BUILDS)
def test_what_is_held_means_what_it_meant(
    catalogue: pa.FileCatalogue, build: str, arch: str
) -> None:
    """Every machine type, type, property and CPU model, and what is not migrated."""
    text = held_text(catalogue, build, arch)
    again = held(text, build, arch, "b.json")
    assert (build,) == again.builds(arch)
    for asked in ("types", "property_rows", "cpu_models", "unmigratable"):
        assert getattr(catalogue, asked)(build, arch) == getattr(again, asked)(build, arch)
    for name in catalogue.build(build, arch).machines:
        here, there = (each.machine(build, name, arch) for each in (catalogue, again))
        assert (here.compat, here.aliases, here.generation, here.cpu, here.deprecated) == (
            there.compat,
            there.aliases,
            there.generation,
            there.cpu,
            there.deprecated,
        )
        prints = [content_fingerprint(each, build, name, arch) for each in (catalogue, again)]
        assert prints[0] == prints[1]
    assert text == held_text(again, build, arch)


def test_it_is_small(catalogue: pa.FileCatalogue) -> None:
    """A report of a host with such a QEMU stays a fraction of what the files are."""
    files = build_files(catalogue, "qemu-11.1.3", "x86_64")
    assert len(held_text(catalogue, "qemu-11.1.3", "x86_64")) * 4 < sum(map(len, files.values()))


def _packed(body: object) -> str:
    return base64.b64encode(zlib.compress(json.dumps(body).encode())).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base 64",
        base64.b64encode(b"not deflated").decode(),
        _packed([]),
        _packed({}),
        _packed({"machines/b/x86_64.toml": 1}),
        _packed({"platforms/linux.toml": ""}),
        _packed({"machines/other/x86_64.toml": "schema = 1"}),
        _packed({"machines/b/x86_64.toml": "schema = 1"}),
        _packed({"machines/b/../../x86_64.toml": "schema = 1"}),
        base64.b64encode(zlib.compress(b" " * (17 * 1024 * 1024))).decode(),
        _packed({"machines/b/x86_64.toml": "schema = 1"})[:-8],
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """Whoever wrote it: with what is wrong, and not read any further than it may be."""
    with pytest.raises(pa.DefinitionError):
        held(text, "b", "x86_64", "b.json")
