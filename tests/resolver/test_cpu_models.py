"""CPU models: every name that a build lists is taken, and what no QEMU takes is refused."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.build import lacking_findings
from platform_abi.resolver.cpu_models import cpu_model, has_cpu_model

_BUILD = "qemu-11.1.3"
#: By architecture, a machine type of that build.
_MACHINES = {
    "aarch64": "virt-11.1",
    "ppc64": "pseries-11.1",
    "riscv64": "virt",
    "s390x": "s390-ccw-virtio-11.1",
    "x86_64": "pc-q35-11.1",
}


def _vm(
    catalogue: pa.FileCatalogue,
    arch: str,
    cpu: str,
    *,
    accelerator: str = "kvm",
    build: str | None = _BUILD,
) -> pa.VirtualMachine:
    return pa.virtual_machine(
        catalogue.devices(),
        _MACHINES[arch],
        arch=arch,
        accelerator=accelerator,
        cpu=cpu,
        build=build,
    )


def _resolve(
    catalogue: pa.FileCatalogue, arch: str, cpu: str, accelerator: str = "kvm"
) -> pa.GuestAbi:
    return pa.resolve(catalogue, _vm(catalogue, arch, cpu, accelerator=accelerator), "linux-6.9")


@pytest.mark.parametrize("arch", _MACHINES)
def test_every_model_that_a_build_lists_is_taken(catalogue: pa.FileCatalogue, arch: str) -> None:
    """By its build and without one, and its QOM type is one of the build's."""
    models = catalogue.cpu_models(_BUILD, arch)
    types = catalogue.types(_BUILD, arch)
    own = catalogue.machine(_BUILD, _MACHINES[arch], arch).cpu.split("-")
    assert len(models) >= 20
    for name in models:
        assert has_cpu_model(catalogue, _BUILD, arch, name), name
        assert models[name].type in types, name
        # By which it is known without the list.
        assert own == [""] or models[name].type.split("-")[-2:] == own[-2:], name
    for name in sorted(models)[::20]:
        assert _resolve(catalogue, arch, name).vm.cpu == pa.Cpu(model=name)


@given(st.sampled_from(sorted(_MACHINES)), st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True))
def test_no_other_is(catalogue: pa.FileCatalogue, arch: str, name: str) -> None:
    """A name that no build of the architecture lists is an error, whatever the accelerator is."""
    builds = catalogue.builds(arch)
    if any(has_cpu_model(catalogue, build, arch, name) is not False for build in (_BUILD, *builds)):
        return
    with pytest.raises(pa.UnknownNameError) as caught:
        _resolve(catalogue, arch, name)
    assert caught.value.code == "unknown-cpu"


@pytest.mark.parametrize(
    ("arch", "name", "meant"),
    [
        ("aarch64", "cortex-a75", "cortex-a76"),
        ("s390x", "z15", "gen15a"),
        ("s390x", "gen16", "gen16a or gen16b"),
        ("s390x", "gen15c", "gen15a"),
        ("ppc64", "power99", "power9"),
        ("riscv64", "rva24s64", "rva23s64"),
        ("x86_64", "Skylake-Servr", "Skylake-Server"),
    ],
)
def test_what_was_meant_is_named(
    catalogue: pa.FileCatalogue, arch: str, name: str, meant: str
) -> None:
    """The nearest of the build's names, or the one that QEMU has for a processor."""
    with pytest.raises(pa.UnknownNameError) as caught:
        _resolve(catalogue, arch, name)
    assert meant in f"{caught.value.message} {caught.value.help}"


def test_what_a_processor_is_called_is_a_name_of_qemus(catalogue: pa.FileCatalogue) -> None:
    """Whatever stands for one in the definitions is a model, and no model itself."""
    for names in catalogue.devices().cpu_names:
        for word, models in names.called.items():
            assert cpu_model(catalogue, _BUILD, names.arch, word) is None, word
            for model in models:
                assert cpu_model(catalogue, _BUILD, names.arch, model) is not None, model


@pytest.mark.parametrize("name", ["POWER9", "Power10_v2.0", "004E1200", "0x004e1200", "host"])
def test_power_takes_names_in_any_case_and_numbers(catalogue: pa.FileCatalogue, name: str) -> None:
    """As QEMU does; the type of a model is found however it is written."""
    assert _resolve(catalogue, "ppc64", name).vm.cpu == pa.Cpu(model=name)
    if name[0].isalpha() and name != "host":
        found = cpu_model(catalogue, _BUILD, "ppc64", name)
        assert found == catalogue.cpu_models(_BUILD, "ppc64")[name.lower()]


def test_no_other_architecture_takes_large_letters_for_small(catalogue: pa.FileCatalogue) -> None:
    """They are other names there, which QEMU does not find."""
    for arch, name in (("s390x", "GEN15A"), ("aarch64", "Cortex-A57"), ("riscv64", "RV64")):
        with pytest.raises(pa.UnknownNameError, match=name):
            _resolve(catalogue, arch, name)


@pytest.mark.parametrize(
    ("arch", "name", "accelerator"),
    [
        *((arch, "host", "tcg") for arch in _MACHINES),
        ("x86_64", "host", "qtest"),
        ("s390x", "gen15a", "tcg"),
        ("s390x", "z13-base", "tcg"),
    ],
)
def test_what_an_accelerator_refuses_is_refused(
    catalogue: pa.FileCatalogue, arch: str, name: str, accelerator: str
) -> None:
    """And runs with another, so that it is no matter of the name."""
    with pytest.raises(pa.UsageError, match=name) as caught:
        _resolve(catalogue, arch, name, accelerator)
    assert caught.value.code == "cpu-accelerator"
    assert caught.value.help
    _resolve(catalogue, arch, name, "kvm")


@pytest.mark.parametrize(
    ("arch", "name"),
    [
        ("s390x", "max"),
        ("s390x", "qemu"),
        ("s390x", "z900.3-base"),
        # What the emulator lacks may have been turned off.
        ("s390x", "gen15a-base,sema=off"),
        *((arch, "max") for arch in _MACHINES),
    ],
)
def test_what_the_emulator_runs_is_taken(catalogue: pa.FileCatalogue, arch: str, name: str) -> None:
    """No more is refused than what a QEMU was seen to refuse."""
    _resolve(catalogue, arch, name, "tcg")


def test_a_build_whose_models_nobody_recorded_takes_every_name(catalogue: pa.FileCatalogue) -> None:
    """It is unknown, and no error: a check says so."""
    build = next(
        name for name in catalogue.builds("aarch64") if not catalogue.cpu_models(name, "aarch64")
    )
    assert has_cpu_model(catalogue, build, "aarch64", "foo") is None


def test_a_check_knows_names_in_any_case_too(
    catalogue: pa.FileCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a build does not have blocks, what nobody recorded is said, all else is neither."""
    vm = evolve(_vm(catalogue, "ppc64", "POWER9", build=None), machine="pseries-10.0")
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    other = evolve(abi, vm=evolve(abi.vm, cpu=pa.Cpu(model="power99")))
    for build in ("qemu-10.0.2", _BUILD):
        assert lacking_findings(catalogue, abi, build) == []
        [finding] = lacking_findings(catalogue, other, build)
        assert (finding.code, finding.severity) == ("cpu-model-missing", "blocked")
    monkeypatch.setattr(catalogue, "cpu_models", lambda _build, _arch: {})
    assert [f.code for f in lacking_findings(catalogue, other, _BUILD)] == ["cpu-model-unknown"]
