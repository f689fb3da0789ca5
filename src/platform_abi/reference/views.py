"""What a guest finds otherwise in another build, of devices as they are without being told more."""

from __future__ import annotations

from platform_abi.author.difference import Difference, view_differences
from platform_abi.guest.document import recorded_view
from platform_abi.guest.view import BinaryView
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.memo import remembered
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Found:
    """One thing that guests of *machines* find otherwise; None for what is not there."""

    device: str
    what: str
    before: str | None
    after: str | None
    machines: tuple[str, ...]


@frozen(kw_only=True)
class PairViews:
    """What was compared of two builds: *machines* are those that were looked at in both."""

    machines: tuple[str, ...]
    found: tuple[Found, ...]


def pair_views(catalogue: Catalogue, arch: str, source: str, destination: str) -> PairViews | None:
    """Return what guests that move find otherwise; None where either build was not looked at."""
    before, after = (_view(catalogue, build, arch) for build in (source, destination))
    if before is None or after is None:
        return None
    machines = tuple(name for name in before.machines if name in after.machines)
    groups: dict[tuple[str, str, str | None, str | None], list[str]] = {}
    for name in machines:
        for each in view_differences(catalogue, before.machines[name], after.machines[name]):
            groups.setdefault(_key(each), []).append(name)
    return PairViews(
        machines=machines,
        found=tuple(
            Found(device=device, what=what, before=first, after=second, machines=tuple(names))
            for (device, what, first, second), names in sorted(groups.items(), key=str)
        ),
    )


def _key(each: Difference) -> tuple[str, str, str | None, str | None]:
    return (each.device, each.what, each.expected, each.found)


@remembered()
def _view(catalogue: Catalogue, build: str, arch: str) -> BinaryView | None:
    return recorded_view(catalogue.locate, build, arch)
