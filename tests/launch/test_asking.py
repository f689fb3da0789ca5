"""What is asked of this host and of the QEMU that is to be started: just what is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.launch import asking
from platform_abi.launch.ahead import Ahead
from platform_abi.launch.asking import ThisHost
from platform_abi.model.host import CPU_MODELS, QEMU_DRIVERS
from platform_abi.model.vm import Cpu, VirtualMachine
from tests.qemu.programs import code_of, qemu, script

_EXPANSION = "query-cpu-model-expansion"
_KVM = {"query-kvm": {"enabled": True}}
_MODELS = [{"name": "EPYC", "unavailable-features": []}]


def _abi(catalogue: pa.FileCatalogue, accelerator: str) -> pa.GuestAbi:
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        accelerator=accelerator,
        devices=["virtio-net-pci,netdev=n0"],
        netdevs=["passt,id=n0"],
    )
    return pa.resolve(catalogue, vm, "linux-6.1")


# --- the host ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("accelerator", "native"), [("kvm", True), ("tcg", False)])
def test_only_what_an_abi_needs_is_asked_for(
    catalogue: pa.FileCatalogue, tmp_path: Path, accelerator: str, *, native: bool
) -> None:
    """Its preconditions, and the CPU models where the CPU is the host's; all of them on request."""
    abi = _abi(catalogue, accelerator)
    host = ThisHost(catalogue, qemu(tmp_path, {**_KVM, "query-cpu-definitions": _MODELS}))
    report = host.needed(abi)
    probed = {
        name
        for name, c in catalogue.capabilities().items()
        if c.probe is not None and (not c.arch or report.arch in c.arch)
    }
    needed = {entry.capability for entry in abi.preconditions} & probed
    assert needed
    assert needed == report.facts.keys()
    assert native is (CPU_MODELS in report.sets)

    everything = host.everything()
    assert probed <= everything.facts.keys()
    # What no probe asks, the kernel's configuration may tell.
    beside = everything.facts.keys() - probed
    assert {everything.facts[name].source for name in beside} <= {"file"}
    assert ("EPYC",) == everything.sets[CPU_MODELS]
    assert ("socket", "tap") == everything.sets["qemu.netdevs"]


@pytest.mark.parametrize("accelerator", ["kvm", "tcg"])
@pytest.mark.parametrize(
    ("device", "modular"), [("virtio-gpu", True), ("usb-redir,chardev=c", True), ("e1000", False)]
)
def test_drivers_are_asked_for_where_one_may_be_in_a_module(
    catalogue: pa.FileCatalogue, tmp_path: Path, accelerator: str, device: str, *, modular: bool
) -> None:
    """Under whatever name and accelerator; who has none such waits for no module to be loaded."""
    vm = pa.virtual_machine(
        catalogue.devices(), "pc-q35-9.1", accelerator=accelerator, devices=[device]
    )
    answers = {**_KVM, "query-cpu-definitions": [], "qom-list-types": [{"name": "e1000"}]}
    host = ThisHost(catalogue, qemu(tmp_path, answers))
    report = host.needed(pa.resolve(catalogue, vm, "conservative"))
    assert modular is (QEMU_DRIVERS in report.sets)


def test_what_is_under_way_answers_once(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """Modules and privileges come and go: a second question is asked anew."""
    for name in ("begun", "own"):
        (tmp_path / name).mkdir()
    begun = qemu(tmp_path / "begun", {**_KVM, "query-cpu-definitions": _MODELS})
    own = qemu(tmp_path / "own", {**_KVM, "query-cpu-definitions": []})
    with Ahead(begun) as ahead:
        host = ThisHost(catalogue, own, ahead)
        assert [("EPYC",), ()] == [host.everything().sets[CPU_MODELS] for _ in range(2)]


def test_a_qemu_that_cannot_be_asked_is_an_error(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """Nothing of the host stands in for it."""
    host = ThisHost(catalogue, script(tmp_path, "exit 1"))
    assert "qemu-failed" == code_of(host.everything)
    assert "qemu-not-found" == code_of(ThisHost(catalogue, "/no/such").everything)


# --- the CPU -------------------------------------------------------------------------------------


def _vm(cpu: Cpu | None) -> VirtualMachine:
    return VirtualMachine(machine="pc-q35-9.1", cpu=cpu)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ({"avx": "on"}, {"avx": "yes"}, True),
        ({"avx": "on", "smap": "off"}, {"smap": "false", "avx": "true"}, True),
        ({"level": "0xd"}, {"level": "13"}, True),
        ({"vendor": "AuthenticAMD"}, {"vendor": "AuthenticAMD"}, True),
        ({"avx": "on"}, {"avx": "off"}, False),
        ({"avx": "on"}, {}, False),
        ({"level": "13"}, {"level": "14"}, False),
        ({"vendor": "1"}, {"vendor": "x1"}, False),
    ],
)
def test_a_cpu_is_what_the_qemu_makes_of_it(
    catalogue: pa.FileCatalogue,
    tmp_path: Path,
    before: dict[str, str],
    after: dict[str, str],
    *,
    same: bool,
) -> None:
    """Booleans and numbers go to QMP as such, whatever words -cpu has for them."""
    # It says what it was told of a model, so that equal words are an equal CPU and no others.
    host = ThisHost(catalogue, qemu(tmp_path, {}, echo=[_EXPANSION]))
    one, two = (_vm(Cpu(model="EPYC", properties=tuple(p.items()))) for p in (before, after))
    assert same is host.same_cpu(one, two)
    assert not host.same_cpu(one, _vm(Cpu(model="EPYC-v1", properties=tuple(before.items()))))


def test_a_qemu_that_cannot_say_knows_no_two_alike(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """Not every architecture can; where there is no CPU to ask about nobody is asked."""
    host, cpu = ThisHost(catalogue, qemu(tmp_path, {})), Cpu(model="EPYC")
    assert not host.same_cpu(_vm(cpu), _vm(cpu))
    gone = ThisHost(catalogue, "/no/such")
    assert gone.same_cpu(_vm(None), _vm(None))
    assert not gone.same_cpu(_vm(None), _vm(cpu))
    assert not gone.same_cpu(_vm(cpu), _vm(None))


# --- aliases -------------------------------------------------------------------------------------


def test_aliases_are_what_the_binary_lists(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """The versioned name behind each, whatever else ``-machine help`` has."""
    lines = [
        "Supported machines are:",
        "microvm              microvm (i386)",
        "pc                   Standard PC (i440FX + PIIX, 1996) (alias of pc-i440fx-9.1)",
        "pc-i440fx-9.1        Standard PC (i440FX + PIIX, 1996) (default)",
        "q35                  Standard PC (Q35 + ICH9, 2009) (alias of pc-q35-9.1)",
        "none                 empty machine",
    ]
    text = "\\n".join(lines)
    binary = script(tmp_path, f"""[ "$*" = "-machine help" ] || exit 1\ncat\nprintf '{text}\\n'""")
    meant = {"pc": "pc-i440fx-9.1", "q35": "pc-q35-9.1"}
    assert meant == ThisHost(catalogue, binary).aliased_machines()


@pytest.mark.parametrize(
    ("lines", "code"),
    [("exit 3", "qemu-failed"), ("exec sleep 1000", "qemu-timeout"), ("exec yes", "qemu-failed")],
)
def test_who_lists_nothing_is_an_error(
    catalogue: pa.FileCatalogue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: str,
    code: str,
) -> None:
    """No alias is guessed."""
    if code == "qemu-timeout":
        monkeypatch.setattr(asking, "_TIMEOUT", 0.5)
    host = ThisHost(catalogue, script(tmp_path, lines))
    assert code == code_of(host.aliased_machines)
