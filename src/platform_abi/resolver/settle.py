"""All devices of one family, resolved together: where they agree, one value holds VM-wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from platform_abi.errors import UsageError
from platform_abi.model.abi import Beyond, Layer, Setting, Unpinned
from platform_abi.model.device import NETDEV
from platform_abi.model.feature import UNDECIDED, Feature
from platform_abi.model.value import define, evolve, field, frozen
from platform_abi.model.vm import GlobalProperty
from platform_abi.resolver.basis import FamilyPlan, Row
from platform_abi.resolver.explicit import (
    BOOLEANS,
    Explicit,
    Instance,
    decimal,
    explicit,
    normal,
)
from platform_abi.resolver.plan import Plan, decisions

if TYPE_CHECKING:
    from platform_abi.resolver.choice import Decision


@frozen(kw_only=True)
class FamilyResult:
    """What one family adds to the guest ABI. *needs* pairs capabilities with features."""

    settings: tuple[Setting, ...]
    needs: tuple[tuple[str, str], ...]
    unpinned: tuple[Unpinned, ...]
    beyond: tuple[Beyond, ...]
    #: Features that are off because not every backend in question can carry them.
    weakened: tuple[str, ...]
    #: For instances without a label, kinds of netdevs and what has to be written on one of each.
    netdevs: tuple[tuple[str, str], ...] = ()


def resolve_family(
    plan: Plan,
    family: FamilyPlan,
    instances: Sequence[Instance],
    globals_: Sequence[GlobalProperty],
) -> FamilyResult:
    """Return the settings, needs and findings of *instances*, which are all of *family*."""
    decided = decisions(plan, family.family.name)
    written = bool(globals_) or any(instance.properties for instance in instances)
    work = _Work(plan=plan, family=family, decided=decided, globals=globals_, written=written)
    instances = [work.resolve_netdev(instance) for instance in instances]
    # What a device asks of its host itself says more than what its netdev does: it comes first.
    of_netdevs, work.needs = work.needs, {}
    for row in family.rows:
        work.resolve_row(row, instances)
    for row in family.later:
        for instance in instances:
            work.note_later(row, instance)
    for feature in family.other:
        for instance in instances:
            work.resolve_other(feature, instance)
    return FamilyResult(
        settings=tuple(dict.fromkeys(work.settings)),
        needs=(*work.needs, *of_netdevs),
        unpinned=tuple(dict.fromkeys(work.unpinned)),
        beyond=tuple(work.beyond),
        weakened=tuple(work.weakened),
        netdevs=tuple(work.netdevs),
    )


@define(kw_only=True, eq=False, repr=False)
class _Work:
    """A family result in the making."""

    plan: Plan
    family: FamilyPlan
    #: What the platform decides, by backend and feature id.
    decided: Mapping[tuple[str, str], Decision]
    globals: Sequence[GlobalProperty]
    #: Whether anybody wrote a value of anything.
    written: bool
    settings: list[Setting] = field(factory=list)
    needs: dict[tuple[str, str], None] = field(factory=dict)
    unpinned: list[Unpinned] = field(factory=list)
    beyond: list[Beyond] = field(factory=list)
    weakened: dict[str, None] = field(factory=dict)
    netdevs: dict[tuple[str, str], None] = field(factory=dict)

    def resolve_netdev(self, instance: Instance) -> Instance:
        """Settle the options of what is behind *instance*, and return it before what that is then.

        A device's own features depend on it: behind a tap without a vnet header there are others.
        """
        for feature, option in self.family.netdev:
            backends = tuple(self.netdev(feature, option, instance, b) for b in instance.backends)
            instance = evolve(instance, backends=backends)
        return instance

    def netdev(self, feature: Feature, option: str, instance: Instance, backend: str) -> str:
        """Settle one option of a netdev of the kind *backend*, and return the kind that it is then.

        What QEMU does by itself wherever *feature* can be had is not written; that it can be had is
        what the value needs of the host.
        """
        devices = self.plan.basis.catalogue.devices()
        decision = self.decided[backend, feature.id]
        if decision.needs is None:
            return backend  # no such thing is said to a netdev of that kind
        there = devices.netdev_value(backend, option) or feature.when_supported or feature.fallback
        value = decision.value if option in instance.open_options else there
        row = Row(feature=feature, property=option, drivers=(NETDEV,))
        netdev = evolve(instance, driver=NETDEV)
        self.demand(row, decision, value, netdev)
        if value == there:
            return backend
        if instance.label is None:
            self.netdevs[backend, f"{option}={value}"] = None
        else:
            own = _own(row, netdev, value, "platform")
            self.settings.append(evolve(own, source=decision.source))
        return devices.with_option(backend, option, value)

    def resolve_row(self, row: Row, instances: Sequence[Instance]) -> None:
        """Settle one property on all instances."""
        open_: list[tuple[Instance, Decision]] = []
        for instance in instances:
            if row.feature.unless and self.taken_away(row.feature, instance):
                continue
            decision = self.weakest(row.feature, instance)
            given = explicit(instance, row.property, self.globals) if self.written else None
            if given is None:
                open_.append((instance, decision))
                self.demand(row, decision, decision.value, instance)
            else:
                self.take(row, decision, given, instance)
        if open_ and (not self.plan.basis.named_build or self.exists(row, open_)):
            self.set_open(row, open_)

    def set_open(self, row: Row, decided: Sequence[tuple[Instance, Decision]]) -> None:
        """Take over what the platform says: one value for all where they agree, else one each."""
        (_, first), *others = decided
        if others and any(decision.value != first.value for _, decision in others):
            for instance, decision in decided:
                own = _own(row, instance, decision.value, decision.layer)
                self.settings.append(evolve(own, source=decision.source))
            return
        for driver in row.drivers:
            self.settings.append(
                Setting(
                    driver=driver,
                    property=row.property,
                    value=first.value,
                    layer=first.layer,
                    source=first.source,
                )
            )

    def decisions(self, feature: Feature, instance: Instance) -> list[Decision]:
        """Return what the platform decides behind each backend that *instance* may have."""
        return [self.decided[backend, feature.id] for backend in instance.backends]

    def weakest(self, feature: Feature, instance: Instance) -> Decision:
        """Return the decision that holds for every backend that *instance* may have."""
        if len(instance.backends) == 1:
            return self.decided[instance.backends[0], feature.id]
        first, *_ = every = self.decisions(feature, instance)
        guaranteed = all(decision.guaranteed for decision in every)
        if all(decision.value == first.value for decision in every):
            return first if guaranteed == first.guaranteed else evolve(first, guaranteed=guaranteed)
        self.weakened[feature.id] = None
        weakest = next((d for d in every if d.value == feature.fallback), first)
        return evolve(weakest, value=feature.fallback, guaranteed=guaranteed)

    def take(self, row: Row, decision: Decision, given: Explicit, instance: Instance) -> None:
        """Take over an explicit value."""
        value = normal(row.feature, given.value, f"{instance.driver}.{row.property}")
        if given.layer == "device":
            self.settings.append(_own(row, instance, value, "device"))
        elif given.inner and instance.driver in row.drivers:
            # The machine type's own compat property on the proxy would beat the user's value.
            self.settings.append(evolve(_own(row, instance, value, "global"), device=None))
        self.ask(row, decision, value, instance)

    def note_later(self, row: Row, instance: Instance) -> None:
        """Note what a user asks for of a feature that came after the machine type.

        It stands where the user wrote it; nothing is said of it where none did.
        """
        given = explicit(instance, row.property, self.globals)
        if given is None:
            return
        decision = self.weakest(row.feature, instance)
        place = f"{instance.driver}.{row.property}"
        self.ask(row, decision, normal(row.feature, given.value, place), instance)

    def ask(self, row: Row, decision: Decision, value: str, instance: Instance) -> None:
        """Note what an explicit *value* needs of the host, or that it is left to that."""
        feature, place = row.feature, f"{instance.driver}.{row.property}"
        if value in UNDECIDED:
            pin = feature.when_supported or feature.fallback
            self.unpinned.append(
                Unpinned(what=f"{place}={value}", pin=f"{place}={pin}", migration=feature.migration)
            )
        else:
            self.demand(row, decision, value, instance)

    def demand(self, row: Row, decision: Decision, value: str, instance: Instance) -> None:
        """Note what *value* needs of the host, and whether the platform does not vouch for it."""
        feature = row.feature
        if not feature.demands(value):
            return
        for name in decision.needs or ():
            self.needs[name, feature.id] = None
        if not decision.guaranteed and value != feature.fallback:
            self.beyond.append(
                Beyond(
                    feature=feature.id,
                    driver=instance.driver,
                    property=row.property,
                    value=value,
                    device=instance.label,
                    missing=decision.needs or (),
                    reason=_reason(decision, instance),
                )
            )

    def exists(self, row: Row, decided: Sequence[tuple[Instance, Decision]]) -> bool:
        """Return whether the build that was named has *row*'s property.

        Where it does not, the property is dropped if its absence means the same, else refused.
        """
        driver, types = self.family.family.driver, self.plan.basis.types
        if row.property in self.family.family.unrecorded:
            return True
        if driver not in types or row.property in types.properties(driver):
            return True
        for _, decision in decided:
            if row.feature.demands(decision.value):
                raise UsageError(
                    f"{self.plan.basis.build.name} has no property {driver}.{row.property}, "
                    f"and '{decision.value}' is not what its absence means",
                    code="build-lacks-property",
                    help=f"override it: {self.plan.choice.platform.name},{row.feature.id}=off",
                )
        return False

    def resolve_other(self, feature: Feature, instance: Instance) -> None:
        """Note a precondition, or what stays unpinned, of one instance."""
        if feature.drivers and instance.driver not in feature.drivers:
            return
        if feature.when and not self.has_any(feature, feature.when, instance):
            return
        if feature.unless and self.taken_away(feature, instance):
            return
        needs = [decided.needs for decided in self.decisions(feature, instance)]
        if feature.kind == "precondition":
            self.needs.update({(name, feature.id): None for names in needs for name in names or ()})
        elif any(names is not None for names in needs) and not (
            self.pinned(feature, instance) or self.settled(feature, instance)
        ):
            what = feature.id if instance.label is None else f"{feature.id} ({instance.label})"
            self.unpinned.append(Unpinned(what=what, pin=feature.pin, migration=feature.migration))

    def has_any(self, feature: Feature, conditions: Sequence[str], instance: Instance) -> bool:
        """Return whether *instance* has one of *conditions*: ``property=value``, or given at all.

        A value is what the user wrote, or where nobody did, what the platform does.
        """
        for condition in conditions:
            name, _, wanted = condition.partition("=")
            if ">" in name:
                name, _, most = name.partition(">")
                given = explicit(instance, name, self.globals)
                number = None if given is None else decimal(given.value, sized=True)
                if number is not None and int(number) > int(most):
                    return True
                continue
            given = explicit(instance, name, self.globals)
            if given is None:
                written = wanted and name in self.family.written
                if written and self.set_to(name, instance) == wanted:
                    return True
            elif not wanted or _is(feature, given.value, name, wanted):
                return True
        return False

    def set_to(self, name: str, instance: Instance) -> str | None:
        """Return what the platform sets property *name* of *instance* to; None: nothing."""
        row = next((row for row in self.family.rows if row.property == name), None)
        if row is None or (row.feature.unless and self.taken_away(row.feature, instance)):
            return None
        return self.weakest(row.feature, instance).value

    def taken_away(self, feature: Feature, instance: Instance) -> bool:
        """Return whether something that *instance* is set to leaves no room for *feature*."""
        return self.has_any(feature, feature.unless, instance)

    def settled(self, feature: Feature, instance: Instance) -> bool:
        """Return whether what stands behind the instance makes it the same on every host."""
        devices, arch = self.plan.basis.catalogue.devices(), self.plan.basis.machine.arch
        return all(devices.settled(behind, feature.id, arch) for behind in instance.backends)

    def pinned(self, feature: Feature, instance: Instance) -> bool:
        """Return whether the user wrote a concrete value for every property that decides it."""
        given = [explicit(instance, name, self.globals) for _, name in feature.drives]
        return bool(given) and all(g is not None and g.value not in UNDECIDED for g in given)


def _is(feature: Feature, given: str, name: str, wanted: str) -> bool:
    """Return whether *given* is *wanted*, as definitions spell it.

    The type of a feature is that of its conditions where it has no value itself, and *string* where
    these are of several.
    """
    if feature.type == "string" or feature.kind in ("setting", "guard"):
        return wanted in (given, BOOLEANS.get(given))
    return normal(feature, given, name) == wanted


def _own(row: Row, instance: Instance, value: str, layer: Layer) -> Setting:
    return Setting(
        driver=instance.driver,
        property=row.property,
        value=value,
        layer=layer,
        source="argument",
        device=instance.label,
    )


def _reason(decision: Decision, instance: Instance) -> str:
    if decision.needs is None:
        return f"backend '{instance.backends[0]}' cannot carry it"
    return "the platform does not promise " + ", ".join(decision.needs or (decision.feature.id,))
