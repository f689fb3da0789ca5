"""Who has the interrupt controllers of a real QEMU, its objects show as ``verify`` reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from platform_abi.cli import main

pytestmark = pytest.mark.live


def _words(binary: Path, accelerator: str) -> list[str]:
    cpu = ("-cpu", "qemu64,pni=off,svm=off")
    return [str(binary), "-machine", "pc-q35-5.2", "-accel", accelerator, *cpu, "-nodefaults"]


@pytest.mark.usefixtures("can_kvm")
def test_the_irqchip_of_a_real_qemu_is_the_one_that_it_was_given(
    qemu: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Drift where it is another than the lockfile has, written or as the machine type has it."""
    on, split = "kvm", "kvm,kernel-irqchip=split"
    for promised, started in ((split, split), (split, on), (on, on)):
        lock = tmp_path / "vm.lock"
        lock.unlink(missing_ok=True)
        words = _words(qemu, f"{promised},dirty-ring-size=0")
        resolving = ["resolve", "--platform", "conservative", "--lock", str(lock)]
        assert main([*resolving, "--", *words]) == 0
        capsys.readouterr()
        words = _words(qemu, started)
        main(["verify", "--start", "--qemu", str(qemu), "--json", str(lock), "--", *words])
        findings = json.loads(capsys.readouterr().out)["findings"]
        told = [f for f in findings if f["code"].startswith("accelerator")]
        assert bool(told) is (("split" in promised) != ("split" in started))
        assert all(("drift", "kernel-irqchip") == (f["severity"], f["property"]) for f in told)
