"""Whether two QEMUs that are known by the reports of their hosts show a guest the same devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from platform_abi.compat.finding import Finding
from platform_abi.errors import first_of
from platform_abi.guest.fingerprints import labels_of, of_board
from platform_abi.guest.recorded import recorded_machine
from platform_abi.model.value import evolve, frozen
from platform_abi.resolver.layers import inner_device, inner_types

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.reported import ReportedQemu

_NAMED = 4


@frozen(kw_only=True)
class _Pair:
    """Two QEMUs with what their reports say that guests of one machine type find in each.

    *alike* is whether they give the machine type's drivers the same values, and the device is one
    that is looked at: then what a guest finds otherwise is of the QEMUs and of no property.
    """

    before: ReportedQemu
    after: ReportedQemu
    alike: bool

    def differing(self, machine: str, labels: Iterable[str]) -> list[str]:
        """Return those of *labels* that are known of both and not the same."""
        first, second = self.before.views[machine], self.after.views[machine]
        return [
            name
            for name in sorted(labels)
            if name in first and name in second and first[name] != second[name]
        ]


def reported_view_findings(
    catalogue: Catalogue,
    abi: GuestAbi,
    qemus: tuple[ReportedQemu, ReportedQemu],
    builds: tuple[str | None, str | None],
    *,
    allow_unknown: bool = False,
) -> Iterator[Finding]:
    """Yield which devices of *abi* a guest finds otherwise in the second of *qemus*.

    By what their reports say, where both do; *builds* is what each is called in *catalogue*, None
    where it is not known there. Builds whose views are recorded were compared by these. A
    difference is certain where the machine type is one content in both, else a property may be why,
    which the lockfile keeps: then it is unknown, and blocks unless *allow_unknown*.
    """
    before, after = qemus
    machine, looked_at = abi.vm.machine, catalogue.guest_devices(abi.vm.arch)
    same = before.identity != "" and before.identity == after.identity
    if looked_at is None or same or not all(machine in qemu.views for qemu in qemus):
        return
    if all(build and recorded_machine(catalogue, abi, build) for build in builds):
        return
    prints = [m.fingerprint if (m := qemu.machine(machine)) else "" for qemu in qemus]
    pair = _Pair(before=before, after=after, alike="" != prints[0] == prints[1])
    board = pair.differing(machine, filter(of_board, before.views[machine]))
    if board:
        yield _differs(pair, f"the board of {machine}", board, None, allow_unknown=allow_unknown)
    types = catalogue.types(next(filter(None, builds), ""), abi.vm.arch)
    inside = inner_types(catalogue, types)
    seen = {device.driver for device in looked_at.device}
    for name, device in abi.vm.labelled():
        driver = types.canonical(device.driver)
        inner = inner_device(types, inside, driver)
        # One that is not looked at is like those with the same device inside.
        like = {each for each in seen if inner and inner == inner_device(types, inside, each)}
        drivers = {driver} if driver in seen else like
        different = pair.differing(machine, labels_of(looked_at, drivers))
        if different:
            own = evolve(pair, alike=pair.alike and driver in seen)
            what = f"{name} ({device.driver})"
            yield _differs(own, what, different, name, allow_unknown=allow_unknown)


def _differs(
    pair: _Pair, what: str, labels: list[str], device: str | None, *, allow_unknown: bool
) -> Finding:
    certain = pair.alike
    verb = "is another one" if certain else "may be another one"
    why = "" if certain else ", unless a property that the lockfile keeps is all that differs"
    return Finding(
        code="guest-view",
        severity="warn" if allow_unknown and not certain else "blocked",
        message=f"{what} {verb} to a guest in {pair.after.known_by} than in "
        f"{pair.before.known_by}: their hosts' reports say that they show other "
        f"{first_of(labels, _NAMED)}{why}",
        help="'platform-abi audit-qemu BINARY --against-binary OTHER' says in what they differ; "
        "choose a QEMU that shows what it had",
        device=device,
        seen="guest",
    )
