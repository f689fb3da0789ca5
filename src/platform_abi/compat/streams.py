"""Which devices of a virtual machine are known not to move from one QEMU build to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from platform_abi.compat.finding import Finding, Severity

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.stream import StreamPair


def stream_findings(
    catalogue: Catalogue,
    abi: GuestAbi,
    source: str,
    destination: str,
    *,
    allow_unknown: bool = False,
) -> Iterator[Finding]:
    """Yield the devices of *abi* that were found not to move from *source* to *destination*.

    Both are builds. A device that stopped on another machine type, while nobody tried this one, is
    unknown, and blocks like one that stops unless *allow_unknown*. A pair that was never tried is
    not told.
    """
    streams = catalogue.streams(abi.vm.arch)
    pair = None if streams is None else streams.between(source, destination)
    if pair is not None:
        yield from _of_pair(catalogue, abi, pair, "warn" if allow_unknown else "blocked")


def _of_pair(
    catalogue: Catalogue, abi: GuestAbi, pair: StreamPair, unknown: Severity
) -> Iterator[Finding]:
    types = catalogue.types(pair.source, abi.vm.arch)
    labels: dict[str, list[str]] = {}
    for label, device in abi.vm.labelled():
        labels.setdefault(types.canonical(device.driver), []).append(label)
    way = f"from {pair.source} to {pair.destination}"
    for stopped in pair.stopped:
        here = abi.vm.machine in stopped.machines
        if not here and abi.vm.machine in pair.machines:
            continue
        for label in [""] if not stopped.driver else labels.get(stopped.driver, ()):
            what = f"{label} ({stopped.driver})" if label else f"{abi.vm.machine}"
            if here:
                said = f"does not move {way}: {stopped.reason}"
            else:
                said = (
                    f"did not move {way} on {stopped.machines[-1]}, and nobody tried "
                    f"{abi.vm.machine}: {stopped.reason}"
                )
            yield Finding(
                code="stream-stops",
                severity="blocked" if here else unknown,
                message=f"{what} {said}",
                help="choose another build, or another device; 'platform-abi rehearse' tries it",
                device=label or None,
                seen="migration",
            )
