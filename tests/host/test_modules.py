"""What the kernel's module index says of a node that is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from platform_abi.host import modules

_FILES = {
    "modules.dep": "kernel/drivers/vhost/vhost-net.ko.zst: kernel/a.ko\nkernel/net/x/x.ko:\n",
    "modules.builtin": "kernel/drivers/net/tun.ko\n",
    "modules.devname": (
        "# Device nodes.\nvhost_net vhost-net c10:238\nno_such_module_here odd c10:1\n"
        "#other net/tun c10:200\ntun net/tun c10:200\n"
    ),
}


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the index that is read instead of this kernel's."""
    files = dict(_FILES)

    def read(path: str, size: int = 0) -> str:
        assert path.startswith(f"/lib/modules/{os.uname().release}/")
        assert size
        if (name := Path(path).name) not in files:
            raise FileNotFoundError(2, "none")
        return files[name]

    monkeypatch.setattr(modules, "read", read)
    return files


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("vhost_net", True),
        ("vhost-net", True),
        ("tun", True),
        ("x", True),
        ("un", False),
        ("vhost", False),
    ],
)
def test_a_module_is_there_by_its_whole_name(
    index: dict[str, str], name: str, *, there: bool
) -> None:
    """Built in or not, packed or not, with a dash or an underscore."""
    assert index
    assert there is modules.listed(name)


def test_without_an_index_nobody_knows(index: dict[str, str]) -> None:
    """As in a container: that is not the same as no such module."""
    del index["modules.dep"]
    assert modules.listed("tun") is None
    assert "" == modules.node_hint("/dev/no-such-node-here")


@pytest.mark.parametrize(
    ("node", "loaded", "hint"),
    [
        ("/dev/vhost-net", (), "; module vhost_net is not loaded"),
        ("/dev/vhost-net", ("vhost_net",), "; module vhost_net is there, its node is not"),
        ("/dev/net/tun", (), "; module tun is not loaded"),
        ("/dev/net/tun", ("tun",), "; module tun is there, its node is not"),
        ("/dev/odd", (), ""),
        ("/dev/none", (), ""),
        ("/dev/x", (), "; module x is not loaded"),
    ],
)
def test_a_node_that_is_missing_has_a_reason(
    index: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    node: str,
    loaded: tuple[str, ...],
    hint: str,
) -> None:
    """The module that the index names for it, else the one that is called so."""
    assert index
    folders = {f"/sys/module/{name}" for name in loaded}
    monkeypatch.setattr("platform_abi.host.modules.os.path.isdir", lambda path: path in folders)
    assert hint == modules.node_hint(node)
