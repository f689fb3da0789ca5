"""What a QEMU has here: CPU models of which it lacks nothing, and the drivers that it lists."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.host import CPU_MODELS, QEMU_DRIVERS
from platform_abi.qemu.here import ask_qemu_here
from tests.qemu.programs import code_of, patience, qemu, script

_KVM = {"query-kvm": {"enabled": True}}
_MODEL = st.fixed_dictionaries(
    {
        "name": st.text(min_size=1, max_size=8),
        "unavailable-features": st.lists(st.sampled_from(["avx", "smap"]), max_size=2),
    }
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(models=st.lists(_MODEL, unique_by=lambda model: str(model["name"]), max_size=5))
def test_a_model_runs_here_if_it_lacks_nothing(
    tmp_path: Path, models: list[dict[str, Any]]
) -> None:
    """All of those, sorted by name, and no other; nothing else is in the report."""
    usable = sorted(model["name"] for model in models if not model["unavailable-features"])
    binary = qemu(tmp_path, {**_KVM, "query-cpu-definitions": models})
    assert pa.HostReport(sets={CPU_MODELS: tuple(usable)}) == ask_qemu_here(binary)


def test_without_kvm_no_model_is_said_to_run_here(tmp_path: Path) -> None:
    """What TCG runs it runs on every host; the drivers are told all the same."""
    answers = {
        "query-kvm": {"enabled": False},
        "query-cpu-definitions": [{"name": "qemu64", "unavailable-features": []}],
        "qom-list-types": [{"name": "virtio-vga"}, {"name": "e1000"}],
    }
    expected = pa.HostReport(sets={QEMU_DRIVERS: ("e1000", "virtio-vga")})
    assert expected == ask_qemu_here(qemu(tmp_path, answers))


def test_what_was_not_asked_for_is_not_told(tmp_path: Path) -> None:
    """A start that needs no module does not have them all loaded."""
    answers = {**_KVM, "query-cpu-definitions": [], "qom-list-types": [{"name": "e1000"}]}
    binary = qemu(tmp_path, answers)
    for models, drivers in product((True, False), repeat=2):
        said = ask_qemu_here(binary, models=models, drivers=drivers).sets
        assert (models, drivers) == (CPU_MODELS in said, QEMU_DRIVERS in said)


@pytest.mark.parametrize(
    "answers",
    [
        {},
        _KVM,
        {"qom-list-types": 1},
        {"qom-list-types": [{"type": "e1000"}]},
        {**_KVM, "query-cpu-definitions": [{"name": "x"}]},
        {**_KVM, "query-cpu-definitions": [{"unavailable-features": []}]},
        {**_KVM, "query-cpu-definitions": 1},
        {**_KVM, "query-cpu-definitions": [None]},
    ],
)
def test_what_is_not_said_is_not_known(tmp_path: Path, answers: dict[str, Any]) -> None:
    """An old QEMU, or one of an architecture that does not say what a model lacks: no set."""
    assert pa.HostReport() == ask_qemu_here(qemu(tmp_path, answers))


@pytest.mark.parametrize("lines", ["exit 1", "echo nonsense", "echo 'no KVM' >&2; exit 1"])
def test_a_qemu_that_does_not_start_says_nothing(tmp_path: Path, lines: str) -> None:
    """As one does where it may not have KVM, which is no error."""
    assert pa.HostReport() == ask_qemu_here(script(tmp_path, lines))


def test_who_never_answers_is_an_error(tmp_path: Path) -> None:
    """Nobody knows then, and that is not the same as no models; no such binary is one too."""
    hangs = qemu(tmp_path, {}, silent=True)
    assert "qemu-timeout" == code_of(lambda: ask_qemu_here(hangs, timeout=patience("qemu-timeout")))
    assert "qemu-not-found" == code_of(lambda: ask_qemu_here("/no/such"))
