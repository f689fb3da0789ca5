"""The devices of a virtual machine, sorted into families and settled family by family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from platform_abi.model.abi import Beyond, Precondition, Setting, Unpinned
from platform_abi.model.device import ACCELERATOR, MACHINE
from platform_abi.model.memo import MEMO_LIMIT, remembered
from platform_abi.model.value import evolve, frozen
from platform_abi.resolver.basis import Basis, family_plan
from platform_abi.resolver.drivers import (
    backend_of,
    board_or_cpu,
    check_global,
    check_properties,
    family_backend,
    know,
)
from platform_abi.resolver.explicit import Instance
from platform_abi.resolver.layers import device_types
from platform_abi.resolver.plan import Plan
from platform_abi.resolver.settle import FamilyResult, resolve_family

if TYPE_CHECKING:
    from platform_abi.model.device import DeviceFamily
    from platform_abi.model.vm import GlobalProperty, Properties, VirtualMachine


class Member(NamedTuple):
    """A device, as far as its family's result depends on it; *label* is None where it does not.

    The board and the CPU have no label, and the family's own driver.
    """

    driver: str
    backend: str
    label: str | None = None
    #: Its explicit properties that matter to the family.
    given: Properties = ()
    #: Options of its netdev that a platform may set.
    open_options: tuple[str, ...] = ()


class Question(NamedTuple):
    """All that the result of a virtual machine depends on, beside its plan."""

    members: tuple[Member, ...]
    globals: tuple[GlobalProperty, ...]
    cpu: Properties
    machine: Properties
    #: Whether there are to be values for devices that may yet come.
    hotplug: bool


@frozen(kw_only=True)
class Resolution:
    """What all families of a virtual machine come to together."""

    settings: tuple[Setting, ...]
    preconditions: tuple[Precondition, ...]
    unpinned: tuple[Unpinned, ...]
    beyond: tuple[Beyond, ...]
    notes: tuple[str, ...]


def resolve_families(plan: Plan, vm: VirtualMachine, *, hotplug: bool = False) -> Resolution:
    """Return what the families of *vm* come to.

    With *hotplug* there are values for devices that may yet come, which nothing is needed for now.
    """
    members = None if vm.globals else _alike(plan, vm)
    if members is None:
        members = _members(plan.basis, vm)
    for entry in vm.globals:
        check_global(plan.basis, entry.driver, entry.property)
    return _settled(
        plan,
        Question(
            members=members,
            globals=vm.globals,
            cpu=vm.cpu_properties,
            machine=_with_memory(vm) if plan.basis.sized and vm.hardware else vm.machine_options,
            hotplug=hotplug,
        ),
    )


#: What features of a sized board may depend on.
_SIZES = ("memory.size", "memory.max-size", "smp.threads")


def _with_memory(vm: VirtualMachine) -> Properties:
    """Return the options of ``-machine``, and what *vm* was described with of memory and threads.

    That are the sizes of memory, and the size of the pages behind it where these are huge ones.
    """
    from platform_abi.model.option_language import split_options

    facts = dict(vm.hardware or ())
    sizes = [(key, facts[key]) for key in _SIZES if key in facts]
    behind = facts.get(f"object.{facts.get('memory.backend')}", "")
    pages = dict(split_options(behind, "qom-type")).get("page-size") if behind else None
    return (*vm.machine_options, *sizes, *([("memory.page-size", pages)] if pages else []))


def _alike(plan: Plan, vm: VirtualMachine) -> tuple[Member, ...] | None:
    """Return the kinds of devices that *vm* has, None where single devices have to be named."""
    kinds = set()
    for device in vm.devices:
        plain = know(plan.basis, device.driver).plain
        for name, _ in device.properties:
            if name not in plain:
                return None
        kinds.add((device.driver, device.backend, device.open_options))
    return _kinds(plan, frozenset(kinds))


@remembered(MEMO_LIMIT)
def _kinds(
    plan: Plan, kinds: frozenset[tuple[str, str, tuple[str, ...]]]
) -> tuple[Member, ...] | None:
    """Return a member without a label for each kind, None where a result has to name devices."""
    members = tuple(
        Member(name, backend_of(plan.basis, name, kind), open_options=options)
        for name, kind, options in sorted(kinds)
    )
    families = _families(plan.basis, members)
    return members if all(_anonymous(plan, name, families[name]) for name in families) else None


def _members(basis: Basis, vm: VirtualMachine) -> tuple[Member, ...]:
    """Return every device of *vm*, each under its label."""
    members = []
    for label, device in vm.labelled():
        known = know(basis, device.driver)
        check_properties(basis, known, device)
        backend = backend_of(basis, device.driver, device.backend)
        given = tuple([p for p in device.properties if p[0] not in known.plain])
        members.append(Member(device.driver, backend, label, given, device.open_options))
    return tuple(members)


def _families(basis: Basis, members: Sequence[Member]) -> dict[str, tuple[Member, ...]]:
    """Return the members of each device family, by its name."""
    grouped: dict[str, list[Member]] = {}
    for member in members:
        family = know(basis, member.driver).family
        if family is not None:
            grouped.setdefault(family.name, []).append(member)
    return {name: tuple(of) for name, of in grouped.items()}


@remembered(MEMO_LIMIT)
def _settled(plan: Plan, question: Question) -> Resolution:
    """Return what the families of a virtual machine come to, in the order of their drivers."""
    results = {
        name: _result(plan, name, members, question.globals)
        for name, members in _families(plan.basis, question.members).items()
    }
    results |= _board_and_cpu(plan, question)
    assumed = [f for f in plan.basis.catalogue.devices().families if f.assumed_backends]
    notes: tuple[str, ...] = ()
    if question.hotplug:
        results |= {
            f.name: _for_later(plan, f.name, results.get(f.name), question) for f in assumed
        }
    elif not question.members:
        results |= {f.name: _assumed(plan, f.name, question.globals) for f in assumed}
        notes = tuple(_notes(assumed, results))
    order = sorted(results, key=lambda name: (family_plan(plan.basis, name).family.driver, name))
    return _merged([results[name] for name in order], notes)


def _for_later(
    plan: Plan, name: str, found: FamilyResult | None, question: Question
) -> FamilyResult:
    """Return *found* with values for devices that come later, where those there have their own.

    They disagree, or their user wrote one for each; a device without any would be left to its host.
    """
    if found is None:
        awaited = _assumed(plan, name, question.globals)
        return evolve(awaited, needs=(), unpinned=(), beyond=())
    wide = {s.property for s in found.settings if s.device is None}
    apart = {s.property for s in found.settings if s.device is not None} - wide
    # A build that was named may lack a property of what comes later, and is refused for that.
    if not apart and not plan.basis.named_build:
        return found
    awaited = _assumed(plan, name, question.globals)
    later = tuple(s for s in awaited.settings if s.property in apart)
    return evolve(found, settings=(*later, *found.settings)) if later else found


def _result(
    plan: Plan, name: str, members: tuple[Member, ...], globals_: tuple[GlobalProperty, ...]
) -> FamilyResult:
    """Return a family's result: one for all virtual machines where it names no device."""
    alike = tuple(
        dict.fromkeys(Member(m.driver, m.backend, open_options=m.open_options) for m in members)
    )
    names = family_plan(plan.basis, name).names
    relevant = tuple(entry for entry in globals_ if entry.property in names)
    if not relevant and not any(m.given for m in members) and _anonymous(plan, name, alike):
        return _family_result(plan, name, alike, ())
    return _family_result(plan, name, members, relevant)


def _anonymous(plan: Plan, name: str, alike: tuple[Member, ...]) -> bool:
    """Return whether the result of a family with nothing explicit names none of its devices."""
    if len({member.backend for member in alike}) > 1:
        return False
    result = _family_result(plan, name, alike, ())
    return not (result.unpinned or result.beyond or result.netdevs)


@remembered(MEMO_LIMIT)
def _family_result(
    plan: Plan, name: str, members: tuple[Member, ...], globals_: tuple[GlobalProperty, ...]
) -> FamilyResult:
    instances = [
        Instance(
            label=member.label,
            driver=known.driver,
            backends=(member.backend,),
            properties=member.given,
            types=known.types,
            open_options=member.open_options,
        )
        for member in members
        for known in [know(plan.basis, member.driver)]
    ]
    return resolve_family(plan, family_plan(plan.basis, name), instances, globals_)


def _board_and_cpu(plan: Plan, question: Question) -> Iterator[tuple[str, FamilyResult]]:
    """Yield the results of what every virtual machine has: the board itself and its CPU."""
    for family in plan.basis.catalogue.devices().families:
        if family.arch and plan.basis.machine.arch not in family.arch:
            continue
        if family.driver == MACHINE:
            yield family.name, _implicit(plan, family.name, question.machine, question.globals)
        elif family.backend == ACCELERATOR and plan.basis.is_cpu(family):
            yield family.name, _implicit(plan, family.name, question.cpu, question.globals)


@remembered(MEMO_LIMIT)
def _implicit(
    plan: Plan, name: str, given: Properties, globals_: tuple[GlobalProperty, ...]
) -> FamilyResult:
    known, parts = board_or_cpu(plan.basis, name), family_plan(plan.basis, name)
    instance = Instance(
        label=None,
        driver=known.driver,
        backends=(family_backend(plan.basis, parts.family, ""),),
        properties=given,
        types=known.types,
    )
    return resolve_family(plan, family_plan(plan.basis, name), [instance], globals_)


@remembered(MEMO_LIMIT)
def _assumed(plan: Plan, name: str, globals_: tuple[GlobalProperty, ...]) -> FamilyResult:
    """Return values that hold for whatever device of a family the virtual machine will have."""
    family = family_plan(plan.basis, name).family
    instance = Instance(
        label=None,
        driver=family.driver,
        backends=family.assumed_backends,
        types=device_types(plan.basis.types, family.driver),
        open_options=tuple(o.option for o in plan.basis.catalogue.devices().netdev_options),
    )
    return resolve_family(plan, family_plan(plan.basis, name), [instance], globals_)


def _notes(assumed: Sequence[DeviceFamily], results: Mapping[str, FamilyResult]) -> Iterator[str]:
    for family in assumed:
        behind = " and ".join(family.assumed_backends)
        if family.backend_property:
            yield f"no devices given: values for {family.name} hold behind {behind}"
        for kind, text in results[family.name].netdevs:
            yield f"no devices given: the netdev of a {family.name} behind {kind} needs {text}"
        weakened = results[family.name].weakened
        if weakened:
            yield f"off because not every one of these can carry it: {', '.join(weakened)}"


def _merged(results: Sequence[FamilyResult], notes: tuple[str, ...]) -> Resolution:
    needs: dict[str, list[str]] = {}
    for result in results:
        for capability, feature in result.needs:
            needs.setdefault(capability, []).append(feature)
    return Resolution(
        settings=tuple(chain.from_iterable(result.settings for result in results)),
        preconditions=tuple(
            Precondition(capability=name, because=tuple(dict.fromkeys(needs[name])))
            for name in sorted(needs)
        ),
        unpinned=tuple(chain.from_iterable(result.unpinned for result in results)),
        beyond=tuple(chain.from_iterable(result.beyond for result in results)),
        notes=notes,
    )
