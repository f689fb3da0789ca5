"""The shipped machine definitions are what the real QEMU binaries say."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.author.asking import Asked
from platform_abi.author.inheritance import whole_properties
from platform_abi.author.machines import ask_machines
from platform_abi.author.observation import BuildDefinition
from platform_abi.author.reading import observe
from platform_abi.author.text import file_texts
from platform_abi.author.trace import traced_compat
from platform_abi.author.writing import lost_types, write_build
from tests.conftest import DEFINITIONS

pytestmark = pytest.mark.live

MACHINES = DEFINITIONS / "machines"

#: QEMU before 9.1 does not list its compat properties.
LISTING = ("10.0", "11.1")

BINARIES = [
    *((version, "x86_64") for version in ("5.2", "7.2", "8.2", "10.0.13")),
    *(
        (version, arch)
        for version in LISTING
        for arch in ("x86_64", "aarch64", "ppc64", "riscv64", "s390x")
    ),
]

#: Display devices whose modules Debian packages on their own (qemu-system-modules-spice,
#: qemu-system-modules-opengl; for 7.2 qemu-system-gui). An installation may lack them, or have
#: some that it cannot make an instance of.
FROM_OTHER_PACKAGES = re.compile(r"(pci-)?qxl(-vga)?|virtio-(gpu|vga)-(gl|rutabaga)(-.*)?")

#: Of which architectures the definitions are of the QEMU that Debian builds for that architecture
#: itself (tests/live/install-native-qemu): the one for amd64 lacks what takes KVM there.
NATIVE = ("aarch64", "ppc64", "s390x")
ONLY_NATIVE = re.compile(
    r"arm-its-kvm|kvm-arm-gic(v3)?|kvm-openpic|host-(arm-cpu|s390x-cpu|spapr-cpu-core)"
    r"|s390-(flic|skeys|storage_attributes|tod)-kvm|nitro-.*|remote-pcihost|x-pci-proxy-dev"
)
ONLY_NATIVE_MACHINES = frozenset({"nitro", "x-remote"})
#: What amd64 has beside it, of a library that POWER has not.
ONLY_CROSS = {("ppc64", "spapr-nvdimm"): {"pmem-override"}}

#: What Ubuntu packages apart, of which the package of 8.2 has nothing.
UBUNTU_PACKAGES_APART = re.compile(
    r"(pci-)?qxl(-vga)?|(virtio|vhost-user)-(gpu|vga)(-.*)?|usb-(host|redir)"
    r"|ccid-card-(emulated|passthru)"
)


def _binary(version: str, arch: str, binaries: dict[str, Path]) -> str:
    """Return the emulator of *arch* beside the one of x86_64, or end the test."""
    name = binaries[version].name.replace("x86_64", arch)
    found = shutil.which(str(binaries[version].with_name(name)))
    if found is None:
        reason = f"no QEMU {version} for {arch}; tests/live/install-qemu can get it"
        if os.environ.get("PLATFORM_ABI_LIVE_REQUIRED") == "1":
            pytest.fail(f"required, but missing: {reason}", pytrace=False)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def observations() -> dict[str, BuildDefinition]:
    """Keep what was read from each binary: reading one takes a second or two."""
    return {}


@pytest.fixture(params=BINARIES, ids="-".join)
def seen(
    request: pytest.FixtureRequest,
    catalogue: pa.FileCatalogue,
    qemu_binaries: dict[str, Path],
    observations: dict[str, BuildDefinition],
) -> BuildDefinition:
    """Return everything that an installed binary says, if this repository has its build."""
    version, arch = request.param
    path = _binary(version, arch, qemu_binaries)
    if path not in observations:
        observations[path] = observe(catalogue, path)
    build = observations[path].build
    if build.name not in catalogue.builds(build.arch):
        pytest.skip(f"{build.name} is not among the definitions")
    package = catalogue.build(build.name, build.arch).package
    if build.package != package:
        pytest.skip(f"another package of {build.name} is installed: {build.package}")
    return observations[path]


def _apart(seen: BuildDefinition) -> re.Pattern[str]:
    """Return the types that whoever built a QEMU packages on their own, or builds elsewhere."""
    if seen.build.arch in NATIVE:
        return re.compile(f"{FROM_OTHER_PACKAGES.pattern}|{ONLY_NATIVE.pattern}")
    return UBUNTU_PACKAGES_APART if seen.build.vendor == "ubuntu" else FROM_OTHER_PACKAGES


def test_importing_again_gives_the_shipped_machine_types(
    seen: BuildDefinition, tmp_path: Path
) -> None:
    """The same package gives the same bytes, with a compiler or without."""
    (machines,) = [p for p in write_build(seen, tmp_path) if p.stem == seen.build.arch]
    shipped = (MACHINES / seen.build.name / machines.name).read_text(encoding="utf-8")
    head, *tables = shipped.split("[[machine]]\n")
    if seen.build.arch in NATIVE:
        named = [re.match(r'name = "([^"]+)"', each) for each in tables]
        tables = [
            table
            for table, name in zip(tables, named, strict=True)
            if name is None or name[1] not in ONLY_NATIVE_MACHINES
        ]
        assert len(tables) < len(named)
    expected = "[[machine]]\n".join([head, *tables]).rstrip("\n") + "\n"
    assert machines.read_text(encoding="utf-8") == expected


@pytest.mark.parametrize(("version", "arch"), [("7.2", "x86_64"), ("10.0", "s390x")])
def test_importing_twice_gives_the_same_bytes(
    version: str, arch: str, catalogue: pa.FileCatalogue, qemu_binaries: dict[str, Path]
) -> None:
    """Traced or listed, two looks at one binary are equal."""
    path = _binary(version, arch, qemu_binaries)
    assert file_texts(observe(catalogue, path)) == file_texts(observe(catalogue, path))


def test_importing_again_gives_all_shipped_bytes(seen: BuildDefinition, tmp_path: Path) -> None:
    """So do types and properties, where all of Debian's modules are installed."""
    known = pa.FileCatalogue([DEFINITIONS]).types(seen.build.name, seen.build.arch)
    whole = {each.name for each in seen.types if each.abstract or each.properties is not None}
    lacking = sorted(filter(_apart(seen).fullmatch, known.parents.keys() - whole))
    if lacking:
        pytest.skip(f"modules are not installed: {', '.join(lacking)}")
    for path in write_build(seen, tmp_path):
        shipped = MACHINES / seen.build.name / path.name
        assert path.read_bytes() == shipped.read_bytes(), path.name


@pytest.mark.parametrize("version", LISTING)
@pytest.mark.parametrize("arch", NATIVE)
def test_a_package_of_that_architecture_gives_all_shipped_bytes(
    version: str, arch: str, catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """Of the QEMUs in PLATFORM_ABI_LIVE_NATIVE, which install-native-qemu fills: a minute each."""
    folder = os.environ.get("PLATFORM_ABI_LIVE_NATIVE")
    binary = Path(folder or "/nowhere", "bin", f"qemu-system-{arch}-{version}")
    if not binary.exists():
        pytest.skip("no QEMU of that architecture's own; install-native-qemu can get it")
    for path in write_build(observe(catalogue, str(binary), timeout=120), tmp_path):
        shipped = MACHINES / path.parent.name / path.name
        assert path.read_bytes() == shipped.read_bytes(), path.name


def test_importing_over_the_shipped_files_gives_up_nothing(
    seen: BuildDefinition, tmp_path: Path
) -> None:
    """Without a module of Debian's it is refused, and says what would be lost."""
    build = seen.build
    shutil.copytree(MACHINES / build.name, tmp_path / build.name)
    before = {path: path.read_bytes() for path in (tmp_path / build.name).iterdir()}
    lost = lost_types(seen, tmp_path)
    # gpex-pcihost is alone below its parent where remote-pcihost is not, which then has all.
    alone = {"gpex-pcihost"} if build.arch in NATIVE else set()
    assert all(_apart(seen).fullmatch(name) for name in {*lost} - alone)
    if lost:
        with pytest.raises(pa.UsageError, match=lost[0]) as caught:
            write_build(seen, tmp_path)
        assert caught.value.code == "types-lost"
    else:
        write_build(seen, tmp_path)
    assert {path: path.read_bytes() for path in (tmp_path / build.name).iterdir()} == before


def test_shipped_types_and_properties_are_what_the_binary_says(
    seen: BuildDefinition, catalogue: pa.FileCatalogue
) -> None:
    """Each type of the binary is known, with the properties, types and defaults that it lists.

    The files may know more: types of modules that are packaged on their own.
    """
    build, arch = seen.build.name, seen.build.arch
    types = catalogue.types(build, arch)
    names = {each.name for each in seen.types}
    assert names <= types.parents.keys()
    more = types.parents.keys() - names
    assert not [name for name in more if not _apart(seen).fullmatch(name)]
    assert seen.aliases.items() <= types.aliases.items()
    models = dict(catalogue.cpu_models(build, arch))
    if arch in NATIVE:
        models.pop("host", None)
    assert seen.cpu_models == models
    compared = 0
    for each in seen.types:
        assert types.parents[each.name] == each.parent
        assert (each.name in types.abstract) == each.abstract
        if each.properties is not None:
            found = catalogue.driver_properties(build, arch, each.name)
            beside = ONLY_CROSS.get((arch, each.name), set())
            assert beside <= each.properties.keys()
            said = {key: row for key, row in each.properties.items() if key not in beside}
            assert found == said, each.name
            assert found.keys() == types.properties(each.name), each.name
            compared += len(found)
    assert compared > 5000


def test_compat_entries_name_known_properties(
    seen: BuildDefinition, catalogue: pa.FileCatalogue
) -> None:
    """A compat entry on a known type names a property that it has, unless it is optional."""
    whole = whole_properties(seen.types)
    for each in seen.machines:
        for entry in catalogue.machine(seen.build.name, each.name, seen.build.arch).compat:
            if entry.driver in whole and not entry.optional:
                assert entry.property in whole[entry.driver], entry


@pytest.mark.parametrize("version", LISTING)
@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "s390x"])
def test_what_qemu_lists_is_what_a_trace_sees(
    version: str, arch: str, catalogue: pa.FileCatalogue, qemu_binaries: dict[str, Path]
) -> None:
    """Order, values and which entries are optional, though QEMU does not list the last."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    path = _binary(version, arch, qemu_binaries)
    traced = traced_compat(path, timeout=60)
    with Asked(path, timeout=60) as qemu:
        _, listed, by_itself = ask_machines(qemu, dict)
    assert by_itself
    assert listed.keys() == traced.keys()
    seen = {each.name: each.compat for each in observe(catalogue, path).machines}
    whole = whole_properties(observe(catalogue, path).types)
    for name, entries in seen.items():
        assert [(e.driver, e.property, e.value) for e in entries] == [
            (e.driver, e.property, e.value) for e in traced[name]
        ]
        for entry, other in zip(entries, traced[name], strict=True):
            # An entry may be called optional and its property be there, or nobody knows its driver.
            if entry.optional != other.optional:
                assert other.optional
                assert entry.driver not in whole or entry.property in whole[entry.driver]


def test_an_old_qemu_is_not_listing(qemu_binaries: dict[str, Path]) -> None:
    """7.2 has to be traced."""
    path = str(qemu_binaries["7.2"])
    with Asked(path, timeout=60) as qemu:
        _, _, by_itself = ask_machines(qemu, lambda: traced_compat(path, timeout=60))
    assert not by_itself


def test_a_crash_of_a_real_qemu_is_survived(
    catalogue: pa.FileCatalogue, qemu_binaries: dict[str, Path]
) -> None:
    """QEMU 11.1 for riscv64 aborts when sifive-e31 is asked about, and for x86_64 does not."""
    seen = observe(catalogue, _binary("11.1", "riscv64", qemu_binaries))
    unlisted = {each.name for each in seen.types if not each.abstract and each.properties is None}
    if not unlisted:
        pytest.skip(f"this QEMU survives all questions: {seen.build.package}")
    assert len(unlisted) < 5
    for name in unlisted:
        assert any(name in warning for warning in seen.warnings)
