"""All devices of one family, resolved together: where they agree, one value holds VM-wide."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, evolve, field, frozen

from platform_abi.errors import UsageError
from platform_abi.model.abi import Beyond, Setting, Unpinned
from platform_abi.model.feature import UNDECIDED, Feature
from platform_abi.model.vm import GlobalProperty
from platform_abi.resolver.decide import Decision
from platform_abi.resolver.explicit import Instance, explicit, normal
from platform_abi.resolver.plan import FamilyPlan, Plan, Row, vm_wide


@frozen(kw_only=True, eq=False, repr=False)
class FamilyResult:
    """What one family adds to the guest ABI. *needs* pairs capabilities with features."""

    settings: tuple[Setting, ...]
    needs: tuple[tuple[str, str], ...]
    unpinned: tuple[Unpinned, ...]
    beyond: tuple[Beyond, ...]
    weakened: tuple[str, ...]


@define(kw_only=True, eq=False, repr=False)
class _Work:
    settings: list[Setting] = field(factory=list)
    needs: dict[tuple[str, str], None] = field(factory=dict)
    unpinned: list[Unpinned] = field(factory=list)
    beyond: list[Beyond] = field(factory=list)
    weakened: dict[str, None] = field(factory=dict)


def resolve_family(
    plan: Plan,
    family: FamilyPlan,
    instances: Sequence[Instance],
    globals_: Sequence[GlobalProperty],
) -> FamilyResult:
    """Return the settings, needs and findings of *instances*, which are all of *family*."""
    work = _Work()
    for row in family.rows:
        _resolve_row(plan, family, row, instances, globals_, work)
    for feature in family.other:
        for instance in instances:
            _resolve_other(plan, family, feature, instance, globals_, work)
    return FamilyResult(
        settings=tuple(dict.fromkeys(work.settings)),
        needs=tuple(work.needs),
        unpinned=tuple(dict.fromkeys(work.unpinned)),
        beyond=tuple(work.beyond),
        weakened=tuple(work.weakened),
    )


def _resolve_row(
    plan: Plan,
    family: FamilyPlan,
    row: Row,
    instances: Sequence[Instance],
    globals_: Sequence[GlobalProperty],
    work: _Work,
) -> None:
    open_: list[tuple[Instance, Decision]] = []
    for instance in instances:
        decision = _weakest(plan, family, row.feature, instance, work)
        given = explicit(instance, row.property, globals_)
        if given is None:
            open_.append((instance, decision))
            _demand(row, decision, decision.value, instance, work)
            continue
        place = f"{instance.driver}.{row.property}"
        value = normal(row.feature, given.value, place)
        if given.layer == "device":
            work.settings.append(
                Setting(
                    driver=instance.driver,
                    property=row.property,
                    value=value,
                    layer="device",
                    source="argument",
                    device=instance.label,
                )
            )
        elif given.inner and instance.driver in row.drivers:
            # The machine type's own compat property on the proxy would beat the user's value.
            work.settings.append(
                Setting(
                    driver=instance.driver,
                    property=row.property,
                    value=value,
                    layer="global",
                    source="argument",
                )
            )
        if value in UNDECIDED:
            pin = row.feature.when_supported or row.feature.fallback
            work.unpinned.append(
                Unpinned(
                    what=f"{place}={value}",
                    pin=f"{place}={pin}",
                    migration=row.feature.migration,
                )
            )
        else:
            _demand(row, decision, value, instance, work)
    _check_known(plan, family, row, open_)
    values = {decision.value for _, decision in open_}
    if len(values) == 1:
        decision = open_[0][1]
        work.settings.extend(_present(plan, family, row, vm_wide(row, decision.value, decision)))
    else:
        for instance, decision in open_:
            work.settings.append(
                evolve(vm_wide(row, decision.value, decision, instance.label)[0], driver=instance.driver)
            )


def _weakest(
    plan: Plan, family: FamilyPlan, feature: Feature, instance: Instance, work: _Work
) -> Decision:
    """Return the decision that holds for every backend that *instance* may have."""
    decisions = [plan.decision(family, feature, backend) for backend in instance.backends]
    first = decisions[0]
    guaranteed = all(decision.guaranteed for decision in decisions)
    if all(decision.value == first.value for decision in decisions):
        return evolve(first, guaranteed=guaranteed) if guaranteed != first.guaranteed else first
    work.weakened[feature.id] = None
    weakest = next((d for d in decisions if d.value == feature.fallback), first)
    return evolve(weakest, value=feature.fallback, guaranteed=guaranteed)


def _demand(row: Row, decision: Decision, value: str, instance: Instance, work: _Work) -> None:
    """Note what *value* needs of the host, and whether the platform does not vouch for that."""
    feature = row.feature
    if not feature.demands(value):
        return
    for name in decision.needs or ():
        work.needs[name, feature.id] = None
    if not decision.guaranteed and value != feature.fallback:
        work.beyond.append(
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


def _reason(decision: Decision, instance: Instance) -> str:
    if decision.needs is None:
        return f"backend '{instance.backends[0]}' cannot carry it"
    return "the platform does not promise " + ", ".join(decision.needs or (decision.feature.id,))


def _check_known(
    plan: Plan, family: FamilyPlan, row: Row, open_: Sequence[tuple[Instance, Decision]]
) -> None:
    """Refuse to ask a named build for a property that it does not have."""
    if not open_ or _has_property(plan, family, row):
        return
    for _, decision in open_:
        if row.feature.demands(decision.value):
            raise UsageError(
                f"{plan.build.name} has no property {family.family.driver}.{row.property}, "
                f"and '{decision.value}' is not what its absence means",
                code="build-lacks-property",
                help=f"override it: {plan.choice.platform.name},{row.feature.id}=off",
            )


def _present(plan: Plan, family: FamilyPlan, row: Row, settings: list[Setting]) -> list[Setting]:
    """Return *settings*, or nothing where the named build has no such property to set."""
    return settings if _has_property(plan, family, row) else []


def _has_property(plan: Plan, family: FamilyPlan, row: Row) -> bool:
    driver = family.family.driver
    if not plan.named_build or driver not in plan.types:
        return True
    return row.property in plan.types.properties(driver)


def _resolve_other(
    plan: Plan,
    family: FamilyPlan,
    feature: Feature,
    instance: Instance,
    globals_: Sequence[GlobalProperty],
    work: _Work,
) -> None:
    if feature.drivers and instance.driver not in feature.drivers:
        return
    if feature.when and not _brought_about(feature, instance, globals_):
        return
    needs = [plan.decision(family, feature, backend).needs for backend in instance.backends]
    if feature.kind == "precondition":
        for names in needs:
            for name in names or ():
                work.needs[name, feature.id] = None
    elif any(names is not None for names in needs) and not _pinned(plan, feature, instance, globals_):
        what = feature.id if instance.label is None else f"{feature.id} ({instance.label})"
        work.unpinned.append(Unpinned(what=what, pin=feature.pin, migration=feature.migration))


def _brought_about(
    feature: Feature, instance: Instance, globals_: Sequence[GlobalProperty]
) -> bool:
    for condition in feature.when:
        name, _, wanted = condition.partition("=")
        given = explicit(instance, name, globals_)
        if given is not None and (not wanted or normal(feature, given.value, name) == wanted):
            return True
    return False


def _pinned(
    plan: Plan, feature: Feature, instance: Instance, globals_: Sequence[GlobalProperty]
) -> bool:
    """Return whether the user wrote a concrete value for every property that decides it."""
    names = [text.partition(".")[2] for text in feature.properties]
    given = [explicit(instance, name, globals_) for name in names]
    return bool(given) and all(g is not None and g.value not in UNDECIDED for g in given)
