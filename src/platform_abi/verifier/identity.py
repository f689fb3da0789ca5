"""Whether it is the lockfile's virtual machine at all: board, CPU model and devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.compat.finding import Finding
from platform_abi.resolver.topology import KEYS
from platform_abi.verifier.running import RunningObject
from platform_abi.verifier.verification import Sides

#: It is not the lockfile's virtual machine at all: comparing more would only bury that.
ANOTHER = frozenset({"machine-type", "architecture"})


def machine(sides: Sides) -> Iterator[Finding]:
    """Yield what speaks against its being the lockfile's machine, and how it is run."""
    vm, promised = sides.vm, sides.abi.vm
    whose = "it is another virtual machine's lockfile, or it was started without it"
    for code, word, wanted, found in (
        ("machine-type", "machine type", promised.machine, vm.machine_type),
        ("architecture", "architecture", promised.arch, vm.arch),
    ):
        if wanted != found:
            yield Finding(
                code=code,
                severity="drift",
                message=f"the {word} is {found}, and the lockfile's is {wanted}",
                help=whose,
                expected=wanted,
                found=found,
                seen="guest",
            )
    # Before query-accelerators (QEMU 10.1) it only tells whether it is KVM.
    wanted = promised.accelerator
    other = vm.accelerator != wanted if vm.accelerator else vm.kvm != (wanted == "kvm")
    if other:
        yield Finding(
            code="accelerator",
            severity="drift",
            message=f"the accelerator is {vm.accelerator or 'not KVM'}, and the lockfile's is "
            f"{wanted}",
            help=f"start it with -accel {wanted}",
            expected=wanted,
            found=vm.accelerator or None,
            seen="guest",
        )


def hardware(sides: Sides) -> Iterator[Finding]:
    """Yield what of vCPUs and memory is not what the lockfile has, as far as QEMU tells it."""
    running = sides.vm.hardware
    if sides.abi.vm.hardware is None and running:
        yield Finding(
            code="hardware-unsaid",
            severity="info",
            message="the lockfile says nothing of vCPUs and memory, so they were not compared",
            help="a start that names its platform writes it anew",
        )
    promised = dict(sides.abi.vm.hardware or ())
    if promised and sides.vm.present is not None and promised.get(_CPUS) == running.get(_CPUS):
        yield from _plugged_cpus(promised[_CPUS], str(sides.vm.present))
    for key in _TOLD if promised and running else ():
        # What QEMU leaves out is nothing; a release that does not know a level has one of each.
        level = key.startswith("smp.")
        before, now = promised.get(key, _NOTHING), running.get(key, _NOTHING)
        if before == now or (level and _NOTHING in (before, now)):
            continue
        if key == _CPUS and before == str(sides.vm.present):
            continue  # the lockfile was brought up to date since
        yield Finding(
            code="hardware",
            severity="drift",
            message=f"{key} is {now}, and the lockfile's is {before}",
            help="start it with the lockfile's -smp and -m",
            expected=before,
            found=now,
            seen="guest",
        )


_CPUS = "smp.cpus"

#: What QEMU tells of its hardware, as a lockfile calls it.
_TOLD = (
    *(f"smp.{key}" for key in KEYS),
    *("memory.size", "memory.slots", "memory.max-size"),
)

_NOTHING = "0"


def _plugged_cpus(started: str, now: str) -> Iterator[Finding]:
    if started != now:
        yield Finding(
            code="cpus-plugged",
            severity="info",
            message=f"it was started with {started} vCPUs, as the lockfile says, and has {now}",
            help="'platform-abi verify --update' brings the lockfile up to date",
            expected=started,
            found=now,
        )


def cpu(sides: Sides) -> Iterator[Finding]:
    """Yield what is wrong with the CPU model as a whole."""
    vm, wanted = sides.vm, sides.expected.cpu
    if vm.cpu is None:
        return
    if wanted and vm.cpu.driver != wanted:
        yield Finding(
            code="cpu-model",
            severity="drift",
            message=f"the CPU is {vm.cpu.driver}, and the lockfile's is {wanted}",
            help="start it with the lockfile's -cpu",
            driver=vm.cpu.driver,
            expected=wanted,
            found=vm.cpu.driver,
            seen="guest",
        )
    elif vm.missing_flags:
        native = sides.abi.vm.accelerator in sides.catalogue.devices().native_accelerators
        flags = ",".join(vm.missing_flags)
        yield Finding(
            code="cpu-flags",
            severity="drift" if native else "info",
            message=f"the guest does not have all of its CPU model: {flags} "
            + ("are not there" if len(vm.missing_flags) > 1 else "is not there"),
            help="'enforce' makes QEMU refuse to start where the host lacks any of them"
            if native
            else f"{sides.abi.vm.accelerator} has them on no host",
            driver=vm.cpu.driver,
            property=flags,
            expected="on",
            found="off",
            seen="guest",
        )


def devices(sides: Sides, left_out: Mapping[str, str]) -> Iterator[Finding]:
    """Yield devices that are gone, that came, or that are another one under the same id."""
    located, drivers = sides.expected.located, sides.drivers
    for label in located.gone:
        known = label not in left_out
        yield Finding(
            code="device-missing" if known else "device-left-out",
            severity="drift" if known else "unknown",
            message=f"{label}, a {drivers[label]}, is not there: "
            + left_out.get(label, "it was unplugged, or never given"),
            help="resolve again for the devices that it has now"
            if known
            else "start it on a host that has what it needs, with a command line of its own",
            device=label,
            driver=drivers[label],
            seen="guest",
        )
    for label, thing in located.found.items():
        wanted = drivers[label]
        if thing.driver != wanted:
            yield Finding(
                code="device-driver",
                severity="drift",
                message=f"{label} is a {thing.driver}, and the lockfile's is a {wanted}",
                help="resolve again for the devices that it has now",
                device=label,
                driver=thing.driver,
                expected=wanted,
                found=thing.driver,
                seen="guest",
            )
    yield from (_plugged(sides, thing) for thing in located.plugged)
    for thing in sides.expected.undefined:
        yield Finding(
            code="driver-undefined",
            severity="unknown",
            message=f"{thing.name}: the definitions of {sides.expected.build} have no driver "
            f"{thing.driver}",
            help="'platform-abi import-qemu' writes definitions of this very binary",
            device=thing.name,
            driver=thing.driver,
        )


def _plugged(sides: Sides, thing: RunningObject) -> Finding:
    """Return what there is to say of a device that the lockfile does not have."""
    pinned = any(each.path == thing.path for each in sides.expected.objects)
    open_ = not pinned and _has_features(sides, thing.driver)
    return Finding(
        code="device-unlisted",
        severity="unknown" if open_ else "info",
        message=f"{thing.name}, a {thing.driver}, is not in the lockfile"
        + (", and what a host decides of it nothing pins" if open_ else ""),
        help="resolve again for the devices that it has now",
        device=thing.name,
        driver=thing.driver,
    )


def _has_features(sides: Sides, driver: str) -> bool:
    known = sides.known
    return known is not None and any(sides.told(driver, name)[1] for name in known.kinds(driver))
