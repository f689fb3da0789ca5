"""Trials of other architectures than x86_64: what is said of a migration, and what happens.

Devices are those of ``drivers.toml``; machines are emulated, paused and without a guest. Between
hosts of such machines only the two QEMUs can differ, so that a trial is a pair of these.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import field, frozen

import platform_abi as pa
from platform_abi.compat.build import build_findings
from platform_abi.model.platform import version_key
from tests.live.conftest import BUILD_OF
from tests.live.proof.trial import Kind
from tests.live.realized import Entry, entries

#: By architecture, the board, the set of devices that goes into it, and CPU models.
BOARDS: Final[Mapping[str, tuple[str, str, tuple[str | None, ...]]]] = {
    "aarch64": ("virt", "pci", ("cortex-a57", "max", "neoverse-n1")),
    "ppc64": ("pseries", "pci", (None, "power9", "power10")),
    "riscv64": ("virt", "pci", (None, "rv64", "rva22s64")),
    "s390x": ("s390-ccw-virtio", "ccw", (None, "qemu", "max")),
}

#: QEMUs of each; what is drawn is a pair of them, the same one twice as often as not.
VERSIONS: Final = ("10.0", "11.1")

#: What refuses a migration once a guest has mounted it, and is moved by a machine without a guest.
_BY_GUEST: Final = frozenset({"virtio-9p-pci", "virtio-9p-ccw"})

#: What has to be created with others, or needs a process behind it.
_LEFT_OUT: Final = frozenset({"pci-bridge", "x-terminal3270", "zpci"})

_TIMEOUT: Final = 90.0


@frozen(kw_only=True)
class ElsewhereTrial:
    """A machine of *arch* that is to move from one QEMU to another."""

    arch: str
    number: int
    qemus: tuple[str, str]
    machine: str
    cpu: str | None
    cpus: int
    devices: tuple[Entry, ...] = field(repr=False)

    def __str__(self) -> str:
        drivers = " ".join(entry.driver for entry in self.devices)
        ends = "/".join(self.qemus)
        return f"{self.arch} {self.number}: {ends} {self.machine} {self.cpu}: {drivers}"

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """Return what its devices need before them, each option once; not what the machine has."""
        words = dict.fromkeys(word for entry in self.devices for word in entry.arguments)
        pairs = [(word.partition(" ")[0], word.partition(" ")[2]) for word in words]
        return tuple(pair for pair in pairs if pair[0] not in ("-smp", "-m"))

    @property
    def words(self) -> tuple[str, ...]:
        """Return its command line, without the program."""
        more = any(w.startswith("-m ") for entry in self.devices for w in entry.arguments)
        memory = "256M,slots=4,maxmem=2G" if more else "256M"
        words = ["-nodefaults", "-machine", f"{self.machine},accel=tcg", "-m", memory]
        words += ["-smp", str(self.cpus)]
        words += ["-cpu", self.cpu] if self.cpu else []
        for option, value in self.options:
            words += [option, value]
        for entry in self.devices:
            words += ["-device", entry.option]
        return tuple(words)


def draw_elsewhere(
    catalogue: pa.FileCatalogue, arch: str, seed: int, number: int
) -> ElsewhereTrial:
    """Return trial *number* of *seed* of *arch*; the same one each time."""
    dice = random.Random(f"{arch}:{seed}:{number}")
    family, of, models = BOARDS[arch]
    qemus = dice.choice([(one, other) for one in VERSIONS for other in VERSIONS])
    builds = [BUILD_OF[version] for version in qemus]
    both = [
        name
        for name in catalogue.build(builds[0], arch).machines
        if name in catalogue.build(builds[1], arch).machines
        and catalogue.machine(builds[0], name, arch).family == family
    ]
    machine = dice.choice(both)
    generation = catalogue.machine(builds[0], machine, arch).generation or "99"
    known = [catalogue.types(build, arch) for build in builds]
    fitting = [
        entry
        for entry in entries()
        if of in (entry.set, *entry.also)
        and entry.board in ("", family)
        and not entry.fields.get("bus")
        and entry.driver not in _LEFT_OUT
        and not any("{tpm}" in word for word in entry.arguments)
        and all(entry.driver in types for types in known)
        and version_key(entry.since) <= version_key(generation)
    ]
    return ElsewhereTrial(
        arch=arch,
        number=number,
        qemus=qemus,
        machine=machine,
        cpu=dice.choice(models),
        cpus=dice.choice((1, 2)),
        devices=tuple(dice.sample(fitting, dice.randint(1, min(7, len(fitting))))),
    )


@frozen(kw_only=True)
class ElsewhereOutcome:
    """A trial and its end: *said* is why it was blocked, *seen* what failed or changed."""

    trial: ElsewhereTrial
    kind: Kind
    said: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.kind} {self.trial}"]
        lines += [f"    said: {line}" for line in self.said]
        lines += [f"    seen: {line}" for line in self.seen]
        return "\n".join(lines)


def play_elsewhere(
    catalogue: pa.FileCatalogue, folder: Path, trial: ElsewhereTrial
) -> ElsewhereOutcome:
    """Return what was said of *trial*, and what became of it; *folder* has the QEMUs."""
    source, destination = (BUILD_OF[version] for version in trial.qemus)
    vm = pa.virtual_machine(
        catalogue.devices(),
        trial.machine,
        arch=trial.arch,
        accelerator="tcg",
        cpu=trial.cpu,
        build=source,
        devices=[entry.option for entry in trial.devices],
        netdevs=[value for option, value in trial.options if option == "-netdev"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9@2026.3")
    findings = build_findings(catalogue, abi, destination, since=source, named=True)
    # What nobody has described of a host is no matter of an emulated machine.
    said = [f"{o.what}: {o.reason}" for o in abi.obstacles if o.code != "not-described"]
    said += [finding.message for finding in findings if finding.severity == "blocked"]
    ends = [str(folder / f"qemu-system-{trial.arch}-{version}") for version in trial.qemus]
    try:
        words = [ends[0], *trial.words]
        verdict = pa.rehearse(catalogue, abi, *ends, words=words, timeout=_TIMEOUT)
    except pa.HostError as error:
        return ElsewhereOutcome(trial=trial, kind="void", seen=(str(error),))
    seen = [f.message for f in verdict.forward.findings if f.severity == "blocked"]
    told = {"said": tuple(said), "seen": tuple(seen)}
    if not said:
        return ElsewhereOutcome(trial=trial, kind="surprise" if seen else "kept", **told)
    if seen or any(entry.driver in _BY_GUEST for entry in trial.devices):
        return ElsewhereOutcome(trial=trial, kind="stopped", **told)
    return ElsewhereOutcome(trial=trial, kind="caution", **told)
