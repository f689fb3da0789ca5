"""What every test runs under: the packaged definitions alone, no site's."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import platform_abi as pa

DEFINITIONS = Path(__file__).parent.parent / "definitions"

#: PYTHONPATH of programs that tests start: the package that they test, whichever is installed.
PACKAGES = str(Path(pa.__file__).parents[1])

settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
#: What tools/test --deep runs the laws with.
settings.register_profile(
    "deep",
    settings.get_profile("default"),
    max_examples=int(os.environ.get("PLATFORM_ABI_DEEP_EXAMPLES", "20000")),
)
#: What tools/test runs on Debian's Pythons: what may differ there is what an interpreter does, and
#: not a law, which .venv's tries more often.
settings.register_profile("interpreter", settings.get_profile("default"), max_examples=20)
#: What tools/mutate_definitions.py runs them with: a value that breaks a law mostly shows at once.
settings.register_profile(
    "brief", settings.get_profile("default"), max_examples=5, derandomize=True
)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def _no_site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a developer's own definitions, QEMUs and colours out of the tests."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "PLATFORM_ABI_PATH", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLATFORM_ABI_STATE", str(tmp_path / "state-of-the-system"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def catalogue() -> pa.FileCatalogue:
    """Return the definitions of this repository."""
    return pa.FileCatalogue([DEFINITIONS])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say of a session that had both how the unit tests went and how those that start a QEMU."""
    steps: dict[str, Counter[str]] = {"unit": Counter(), "live": Counter()}
    for outcome in ("failed", "error", "passed", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            live = report.nodeid.startswith("tests/live/")
            steps["live" if live else "unit"][outcome] += 1
    if all(steps.values()):
        for step, outcomes in steps.items():
            terminalreporter.write_line(
                f"{step}: {', '.join(f'{n} {o}' for o, n in outcomes.items())}"
            )
