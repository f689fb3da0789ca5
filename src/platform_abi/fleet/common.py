"""What hosts have in common, and what each keeps the others from, as values."""

from __future__ import annotations

from collections.abc import Mapping

from platform_abi.compat.needs import Scope
from platform_abi.compat.supported import Missing
from platform_abi.model.host import FleetHost
from platform_abi.model.mask import Mask
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Common:
    """A platform that hosts have in common: the newest of its lineage."""

    lineage: str
    name: str
    #: The canonical spelling: ``linux-6.9@2026.1``.
    platform: str


@frozen(kw_only=True)
class Cost:
    """What the hosts of one kind cost all others, in one lineage.

    Without them the fleet would have *without* in place of *common*; None is no platform of the
    lineage. *missing* is what these hosts lack of it.
    """

    lineage: str
    common: str | None
    without: str
    missing: tuple[Missing, ...]


@frozen(kw_only=True)
class HostCost:
    """Hosts of one kind, the newest platform that they support themselves, and what they cost."""

    host: FleetHost
    own: Common | None
    costs: tuple[Cost, ...]


@frozen(kw_only=True)
class HostGroup:
    """Hosts that support exactly the same platforms, and the newest that they have in common."""

    newest: Common | None
    supported: tuple[str, ...]
    hosts: tuple[FleetHost, ...]

    @property
    def count(self) -> int:
        """Return how many hosts the group has."""
        return sum(host.count for host in self.hosts)


@frozen(kw_only=True)
class Obstacle:
    """A newer platform, how many hosts do not support it, and how many lack what it rests on."""

    lineage: str
    platform: str
    count: int
    lacking: Mapping[str, int]


@frozen(kw_only=True)
class CpuObstacle:
    """A better CPU model, how many hosts cannot run it, and how many lack which flag of it."""

    model: str
    count: int
    lacking: Mapping[str, int]


@frozen(kw_only=True)
class CommonCpu:
    """The CPU models that all hosts can run, best first, and *model*, the one to choose.

    Best are those made for processors of the hosts' *vendor*, which is empty where they have
    several or none says it, then those with the most flags. *unknown* is of how many hosts nobody
    knows any model that they can or cannot run. *obstacles* are the next better models.
    """

    model: str | None
    models: tuple[str, ...]
    vendor: str
    unknown: int
    obstacles: tuple[CpuObstacle, ...]


@frozen(kw_only=True)
class Baseline:
    """What a fleet has in common.

    *newest* is the platform to choose, by the rule that ``platforms.newest`` has for one host,
    applied to what all of them agree on: the lineage of their distribution, those that they say
    they are like, the operating system's upstream, at last the conservative platform. *common* is
    the newest of each lineage, in the same order, the others behind by name.

    *lineages* are those to choose from, *obstacles* their newer platforms, oldest first, where they
    turn on more than the one before.
    *unsupported* are hosts that support no platform of the lineages they would choose from.
    *allowed_unknown* records that what is not known of a host was taken for present, *masks* what
    this site withdraws. *cpu* are the CPU models that all can run, None where nothing is described
    of what a CPU asks of a host.
    """

    count: int
    scope: Scope
    allowed_unknown: bool
    newest: Common | None
    lineages: tuple[str, ...]
    common: tuple[Common, ...]
    hosts: tuple[HostCost, ...]
    groups: tuple[HostGroup, ...]
    obstacles: tuple[Obstacle, ...]
    unsupported: tuple[FleetHost, ...]
    masks: tuple[Mask, ...]
    cpu: CommonCpu | None = None
