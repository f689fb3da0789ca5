"""What is asked before it is known what to ask: earlier, and nothing else."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.host.probe import probe
from platform_abi.launch.ahead import Ahead, ahead_of
from platform_abi.model.capability import Capability, Probe
from platform_abi.model.host import CPU_MODELS
from platform_abi.qemu.here import ask_qemu_here
from platform_abi.qemu.netdevs import NETDEV_METHOD, ask_netdevs
from tests.qemu.programs import code_of, eventually, qemu, running, script, token

_TAP = {
    name: Capability(
        id=name, title=name, subsystem="host", probe=Probe(method=NETDEV_METHOD, node=node)
    )
    for name, node in (("netdev.tap", "tap"), ("netdev.passt", "passt"))
}
#: What may have been thought likely to be asked: netdevs, CPU models.
_LIKELY = list(product([True, False], repeat=2))
_MODELS = [{"name": "b", "unavailable-features": []}, {"name": "a", "unavailable-features": ["x"]}]


@pytest.fixture
def binary(tmp_path: Path) -> str:
    """Return a QEMU that has netdevs and CPU models."""
    return qemu(tmp_path, {"query-kvm": {"enabled": True}, "query-cpu-definitions": _MODELS})


@pytest.mark.parametrize(("netdevs", "models"), _LIKELY)
def test_what_was_begun_changes_no_answer(binary: str, *, netdevs: bool, models: bool) -> None:
    """Whatever was thought likely: what is asked for is answered, and nothing else is."""
    listed, runs = ask_netdevs(_TAP, binary), ask_qemu_here(binary)
    assert ("b",) == runs.sets[CPU_MODELS]
    with Ahead(binary, netdevs=netdevs, models=models) as ahead:
        said = ahead.qemu(_TAP, netdevs=True, models=models)
    assert listed.facts == said.facts
    assert listed.values == said.values
    assert {**listed.sets, **(runs.sets if models else {})} == said.sets
    with Ahead(binary, netdevs=netdevs, models=models) as ahead:
        assert runs == ahead.qemu(_TAP, netdevs=False, models=True)
    with Ahead(binary, netdevs=netdevs, models=models) as ahead:
        assert pa.HostReport() == ahead.qemu(_TAP, netdevs=False, models=False)


def test_the_host_is_asked_as_a_probe_asks_it(catalogue: pa.FileCatalogue) -> None:
    """By the same child, which was only started earlier."""
    known = catalogue.capabilities()
    asked = {name: known[name] for name in ("tun.uso", "kvm.smm", "vhost-net")}
    with Ahead(None) as ahead:
        assert probe(asked) == ahead.host(asked, None)


def test_without_a_qemu_nothing_is_said_of_one() -> None:
    """Which is no error: nobody was to be asked."""
    with Ahead(None) as ahead:
        assert pa.HostReport() == ahead.qemu(_TAP)


@pytest.mark.parametrize(("netdevs", "models"), _LIKELY)
def test_a_qemu_that_is_not_there_is_told_when_it_is_asked(*, netdevs: bool, models: bool) -> None:
    """Not before: the host can be asked all the same."""
    with Ahead("/no/such", netdevs=netdevs, models=models) as ahead:
        assert {} == ahead.host({}, 5.0).facts
        assert "qemu-not-found" == code_of(lambda: ahead.qemu(_TAP))


def test_who_does_not_answer_in_time_is_not_waited_for(tmp_path: Path) -> None:
    """Nor left behind."""
    word = token()
    with ahead_of(script(tmp_path, f"exec sleep {word}"), ["-netdev", "tap", "-accel", "kvm"]) as a:
        assert eventually(lambda: len(running(word)) == 3)
        assert "qemu-timeout" == code_of(lambda: a.qemu(_TAP, timeout=0.2))
    assert [] == running(word)


@pytest.mark.parametrize(
    ("words", "begun"),
    [
        ([], 0),
        (["-M", "q35", "-accel", "tcg", "-device", "e1000"], 0),
        (["-netdev", "user,id=n0"], 2),
        (["--nic", "tap"], 2),
        (["-net", "nic"], 2),
        (["-name", "netdev"], 0),
        (["-accel", "kvm"], 1),
        (["-machine", "q35,accel=kvm:tcg"], 1),
        (["-enable-kvm", "-netdev", "tap,id=n0"], 3),
    ],
)
def test_what_is_likely_to_be_asked_is_under_way(
    tmp_path: Path, words: list[str], begun: int
) -> None:
    """Where there is a network two questions of netdevs, where there may be KVM one of models."""
    word = token()
    with ahead_of(script(tmp_path, f"exec sleep {word}"), words):
        assert eventually(lambda: len(running(word)) == begun)
    assert [] == running(word)
