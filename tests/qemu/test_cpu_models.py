"""The CPU models that a QEMU can run here: those of which it lacks nothing, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.host import CPU_MODELS
from platform_abi.qemu.cpu_models import ask_cpu_models
from tests.qemu.programs import code_of, patience, qemu, script

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
    binary = qemu(tmp_path, {"query-cpu-definitions": models})
    assert pa.HostReport(sets={CPU_MODELS: tuple(usable)}) == ask_cpu_models(binary)


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"query-cpu-definitions": [{"name": "x"}]},
        {"query-cpu-definitions": [{"unavailable-features": []}]},
        {"query-cpu-definitions": 1},
        {"query-cpu-definitions": [None]},
    ],
)
def test_what_is_not_said_is_not_known(tmp_path: Path, answers: dict[str, Any]) -> None:
    """An old QEMU, or one of an architecture that does not say what a model lacks: no set."""
    assert pa.HostReport() == ask_cpu_models(qemu(tmp_path, answers))


@pytest.mark.parametrize("lines", ["exit 1", "echo nonsense", "echo 'no KVM' >&2; exit 1"])
def test_a_qemu_that_does_not_start_says_nothing(tmp_path: Path, lines: str) -> None:
    """As one does where it may not have KVM, which is no error."""
    assert pa.HostReport() == ask_cpu_models(script(tmp_path, lines))


def test_who_never_answers_is_an_error(tmp_path: Path) -> None:
    """Nobody knows then, and that is not the same as no models; no such binary is one too."""
    hangs = qemu(tmp_path, {}, silent=True)
    assert "qemu-timeout" == code_of(
        lambda: ask_cpu_models(hangs, timeout=patience("qemu-timeout"))
    )
    assert "qemu-not-found" == code_of(lambda: ask_cpu_models("/no/such"))
