"""Which CPU models a host of IBM Z can run: as QEMU said on real ones, feature by feature.

``s390_hosts.json`` has what libvirt recorded on two machines with KVM: a nested z15 without some of
its facilities, and a z16.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.compat.cpu_flags import flag_fact
from platform_abi.compat.cpu_models import runnable_models
from platform_abi.model.cpu import CpuTable, is_register, spell_bit
from platform_abi.model.host import Fact, HostReport
from tests.definitions.site import DEFINITIONS, catalogue

_SHIPPED = catalogue(DEFINITIONS)
_HOSTS: dict[str, Any] = json.loads(Path(__file__).with_name("s390_hosts.json").read_text())
_BUILD = "qemu-11.1.3"


def _table() -> CpuTable:
    return _SHIPPED.cpus()["s390x"]


def _bits(flags: set[str]) -> set[tuple[str, int]]:
    return {place for flag in flags for place in _table().bits[flag]}


@cache
def _host(name: str, *without: str, further: tuple[str, ...] = ()) -> HostReport:
    """Return the report of a recorded host, *without* some features."""
    said = _HOSTS[name]
    flags = set(_table().flags_of(said["model"])) | set(said["features"]) | set(further)
    masks = {register: 0 for places in _table().bits.values() for register, _ in places}
    for register, bit in _bits(flags) - _bits(set(without)):
        masks[register] |= 1 << bit
    newest = int(said["generation"].partition(".")[0]) * 8 + 1
    for index in range(3):
        masks[f"kvm.s390.generation.{index}"] = (2 << newest) - 1 >> 64 * index & 2**64 - 1
    vm = pa.virtual_machine(_SHIPPED.devices(), "s390-ccw-virtio-11.1", arch="s390x", cpu="z13")
    needs = pa.resolve(_SHIPPED, vm, "linux-6.13@2026.3").preconditions
    present = Fact(state="present", source="ioctl")
    return HostReport(
        name=name,
        system="linux",
        arch="s390x",
        facts=dict.fromkeys((entry.capability for entry in needs), present),
        masks=masks,
        values={"kvm.s390.cpu-type": "0x3931", "kvm.s390.ibc": "0x00110061"},
    )


@pytest.mark.parametrize("name", sorted(_HOSTS))
def test_each_model_lacks_what_qemu_said_that_it_lacks(name: str) -> None:
    """Of every model, to the bit; what QEMU calls type is a processor that is newer."""
    host, seen = _host(name), 0
    for model, unavailable in _HOSTS[name]["unavailable"].items():
        if model == "qemu":
            continue  # that of the emulator, by machine type
        flags = _table().model_flags(model, "kvm")
        facts = {flag: flag_fact(_table(), host, flag).state for flag in flags}
        assert set(facts.values()) <= {"present", "absent"}, model
        lacking = {flag for flag, state in facts.items() if state == "absent"}
        newer = {flag for flag in lacking if flag.startswith("generation-")}
        assert bool(newer) == ("type" in unavailable), model
        assert _bits(lacking - newer) == _bits({*unavailable} - {"type"}), model
        seen += 1
    assert seen >= 76


@pytest.mark.parametrize("name", sorted(_HOSTS))
def test_the_models_that_run_are_those_that_lack_nothing(name: str) -> None:
    """Of a build that knows more models too."""
    states = runnable_models(_SHIPPED, "s390x", _BUILD, _host(name))
    for model, unavailable in _HOSTS[name]["unavailable"].items():
        if model != "qemu":
            assert states[model] == ("absent" if unavailable else "present"), model


def _abi(cpu: str, machine: str = "s390-ccw-virtio-11.1") -> pa.GuestAbi:
    vm = pa.virtual_machine(
        _SHIPPED.devices(), machine, arch="s390x", cpu=cpu, devices=("virtio-rng-ccw",)
    )
    return pa.resolve(_SHIPPED, vm, "linux-6.13@2026.3")


def _findings(
    cpu: str, host: HostReport, machine: str = "s390-ccw-virtio-11.1"
) -> list[pa.Finding]:
    verdict = pa.check(_SHIPPED, _abi(cpu, machine), host, of_qemu=())
    return [f for f in verdict.findings if f.severity != "info"]


NESTED, SERVER = sorted(_HOSTS, key=lambda name: _HOSTS[name]["generation"])


@pytest.mark.parametrize(
    ("cpu", "says"),
    [
        ("gen16a-base", "generation-16.1 (GENERATION 129)"),
        ("gen15a", "cmm (ATTRIBUTE 0, ATTRIBUTE 1)"),
        ("gen15a,cmm=off", "edat2 (STFLE 78)"),
    ],
)
def test_a_model_with_more_than_the_host_has_is_refused_by_name(cpu: str, says: str) -> None:
    """With what QEMU would end with, and with models that do run."""
    (finding,) = _findings(cpu, _host(NESTED))
    assert (finding.code, finding.severity) == ("cpu-model", "blocked")
    assert says in finding.message
    assert "gen15a-base" in (finding.help or "")


@pytest.mark.parametrize(
    ("cpu", "host"),
    [
        ("gen15a-base", NESTED),
        ("gen15a,cmm=off,edat2=off,ipter=off,mepoch=off,mepochptff=off,ri=off", NESTED),
        ("gen16a", SERVER),
        ("z14", SERVER),
        ("gen16a-base,cmm=on,te=on,msa9_pckmo=on", SERVER),
    ],
)
def test_a_model_that_the_host_has_runs(cpu: str, host: str) -> None:
    """What the user takes away the host need not have; what is added it has."""
    assert [f.code for f in _findings(cpu, _host(host)) if f.code.startswith("cpu")] == []


def test_what_newer_machine_types_add_to_a_model_older_ones_do_not_ask() -> None:
    """Paie came to gen16a with 7.2: a host without it runs the model of 7.1."""
    host = _host(SERVER, "paie")
    assert [f.code for f in _findings("gen16a", host)] == ["cpu-model"]
    assert [f.code for f in _findings("gen16a", host, "s390-ccw-virtio-7.2")] == ["cpu-model"]
    assert _findings("gen16a", host, "s390-ccw-virtio-7.1") == []


def test_a_deprecated_feature_that_a_host_no_longer_has_is_named() -> None:
    """Transactions are in every default model of z16, and are not promised for what follows."""
    host = _host(SERVER, "te", "cte")
    (finding,) = _findings("gen16a", host)
    assert "cte (STFLE 50), te (STFLE 73)" in finding.message
    assert _findings("gen16a,te=off,cte=off", host) == []


def test_a_name_with_an_underscore_is_written_as_it_is() -> None:
    """QEMU knows no other, and no +name: those are of x86."""
    words = pa.arguments(_abi("gen16a-base,msa9_pckmo=on,sea_esop2=on"))
    assert "gen16a-base,msa9_pckmo=on,sea_esop2=on" in words


# --- moving ---------------------------------------------------------------------------------------


def _moved(cpu: str, one: HostReport, two: HostReport) -> pa.MigrationVerdict:
    return pa.check_migration(
        _SHIPPED, _abi(cpu), one, evolve(two, name="other"), of_qemus=((), ())
    )


def test_a_guest_with_the_hosts_cpu_moves_to_a_host_with_every_bit_and_stays_there() -> None:
    """No stream has its facilities: it gets those of the destination, and does not go back."""
    less, more = _host(SERVER, "paie"), _host(SERVER)
    assert _moved("host", more, more).status == "ok"
    moved = _moved("host", less, more)
    assert moved.forward.status == "ok"
    assert moved.back.status == moved.status == "blocked"
    (finding,) = [f for f in moved.back.findings if f.severity == "blocked"]
    assert "kvm.s390.stfle.3" in finding.message
    # With what differs turned off they are two alike.
    assert _moved("host,paie=off", less, more).status == "ok"


def test_another_processor_is_another_cpu() -> None:
    """A guest reads its type, and a host that does not say is not known to agree."""
    one = _host(SERVER)
    other = evolve(one, values={**one.values, "kvm.s390.cpu-type": "0x9175"})
    assert _moved("host", one, other).status == "blocked"
    assert _moved("host", one, evolve(one, masks={}, values={})).status == "blocked"
    assert _moved("gen16a", one, other).status == "ok"


def test_a_named_model_moves_between_processors_that_have_it() -> None:
    """And not to one that lacks something of it."""
    assert _moved("gen15a-base", _host(SERVER), _host(NESTED)).status == "ok"
    assert _moved("z14", _host(SERVER), _host(NESTED)).status == "blocked"


def test_bits_are_called_as_ibm_does() -> None:
    """Facilities over all doublewords, functions by their instruction."""
    assert is_register("kvm.s390.stfle.2")
    assert not is_register("kvm.s390.cpu-type")
    assert spell_bit(("kvm.s390.stfle.2", 37)) == "STFLE 165"
    assert spell_bit(("kvm.s390.kmac.0", 20)) == "KMAC 20"
