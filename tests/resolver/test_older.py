"""What a release brought, of older machine types: the build's own compat properties decide."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.machine import CompatProperty
from platform_abi.model.platform import edition_key, version_key
from platform_abi.resolver.generations import span
from platform_abi.resolver.offered import offered_bits
from platform_abi.resolver.older import leaves, lets_older, shows, shows_property
from platform_abi.testing import BUILD, MemoryCatalogue, Scenario, scenarios

_USO = ("guest_uso4", "guest_uso6", "host_uso")
#: VIRTIO_NET_F_GUEST_USO4, _GUEST_USO6 and _HOST_USO.
_USO_BITS = 1 << 54 | 1 << 55 | 1 << 56


def _kept(name: str) -> CompatProperty:
    return CompatProperty(driver="net-device", property=name, value="off")


def _with(scenario: Scenario, *kept: str, oldest: bool) -> MemoryCatalogue:
    """Return the catalogue of *scenario*, with *kept* switched off by compat properties.

    By those of the oldest machine type of the family alone, or of all.
    """
    catalogue = scenario.catalogue
    assert isinstance(catalogue, MemoryCatalogue)
    machine = catalogue.machine(BUILD, scenario.vm.machine, "x86_64")
    off = tuple(map(_kept, kept))
    old = evolve(machine, name="pc-q35-1.0", generation="1.0", compat=off)
    own = machine if oldest else evolve(machine, compat=(*machine.compat, *off))
    return MemoryCatalogue(
        devices=catalogue.devices(),
        features=[f for stem in catalogue.feature_stems() for f in catalogue.features(stem)],
        platforms=[catalogue.platform(name) for name in catalogue.platform_names()],
        machines=[own, old],
        types=catalogue.types(BUILD, "x86_64"),
        capabilities=catalogue.capabilities(),
    )


@given(scenarios(), st.sampled_from(["alpha", "beta-2"]))
def test_what_a_build_leaves_an_older_machine_type_is_pinned(scenario: Scenario, name: str) -> None:
    """Where it keeps the oldest from it and not this one: then a host would decide it."""
    without = _with(scenario, oldest=True)
    machine = without.machine(BUILD, scenario.vm.machine, "x86_64")
    build = without.build(BUILD, "x86_64")
    carried = ("net-device", name)
    own = any(entry.property == name and entry.driver != "x86_64-cpu" for entry in machine.compat)
    assert not lets_older(without, build, machine, build.version, carried)

    kept = _with(scenario, name, oldest=True)
    assert lets_older(kept, build, machine, build.version, carried) is not own

    every = _with(scenario, name, oldest=False)
    machine = every.machine(BUILD, scenario.vm.machine, "x86_64")
    assert not lets_older(every, build, machine, build.version, carried)


@given(scenarios())
def test_a_build_before_the_release_leaves_nothing_of_it(scenario: Scenario) -> None:
    """Its property of that name was another thing."""
    catalogue = _with(scenario, "alpha", "beta-2", oldest=True)
    build = catalogue.build(BUILD, "x86_64")
    machine = catalogue.machine(BUILD, scenario.vm.machine, "x86_64")
    major, *_ = version_key(build.version)
    assert not lets_older(catalogue, build, machine, f"{major + 1}.0", ("net-device", "alpha"))


@given(scenarios())
def test_what_a_user_writes_needs_of_a_host_what_it_needs(scenario: Scenario) -> None:
    """However old the machine type: a QEMU that has the property takes it, and asks the host."""
    catalogue = scenario.catalogue
    abi = pa.resolve(catalogue, scenario.vm, scenario.platform)
    needed = {p.capability for p in abi.preconditions}
    for device in scenario.vm.devices:
        for name, value in device.properties:
            known = catalogue.feature_of("net-device", name)
            feature = known and known.at(edition_key(abi.edition))
            if feature and value in ("on", "true"):
                assert set(feature.needs(device.backend) or ()) <= needed
            if feature and value == "auto":
                assert any(u.what.endswith(f".{name}=auto") for u in abi.unpinned)


@pytest.mark.parametrize("machine", ["pc-i440fx-6.0", "pc-q35-8.1", "pc-q35-9.1"])
def test_udp_segmentation_that_a_user_asks_for_needs_it(
    catalogue: pa.FileCatalogue, machine: str
) -> None:
    """And a platform of hosts without it does not vouch for it."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        machine,
        devices=["virtio-net-pci,netdev=n0,id=net0,guest_uso4=on"],
        netdevs=["tap,id=n0"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    assert "tun.uso" in {p.capability for p in abi.preconditions}
    assert [("net0", "guest_uso4")] == [(b.device, b.property) for b in abi.beyond]


def _with_nic(catalogue: pa.FileCatalogue, build: str | None, machine: str) -> pa.VirtualMachine:
    return pa.virtual_machine(
        catalogue.devices(),
        machine,
        build=build,
        devices=["virtio-net-pci,netdev=n0,id=net0"],
        netdevs=["tap,id=n0"],
    )


def _resolved(catalogue: pa.FileCatalogue, build: str | None, machine: str) -> pa.GuestAbi:
    return pa.resolve(catalogue, _with_nic(catalogue, build, machine), "linux-6.1")


@pytest.mark.parametrize("machine", ["pc-q35-8.1", "pc-i440fx-8.1"])
def test_udp_segmentation_is_pinned_where_ubuntus_build_leaves_it_to_the_host(
    catalogue: pa.FileCatalogue, machine: str
) -> None:
    """Its 8.1 has it (8.2.2 as released), its 8.0 has not; upstream's 8.1 has not either."""
    ubuntu = _resolved(catalogue, "qemu-8.2.2-ubuntu", machine)
    pinned = {s.property: (s.value, s.layer) for s in ubuntu.settings if s.property in _USO}
    assert pinned == dict.fromkeys(_USO, ("off", "platform"))
    assert not offered_bits(catalogue, ubuntu, "net0") & _USO_BITS
    bare = evolve(ubuntu, settings=tuple(s for s in ubuntu.settings if s.property not in _USO))
    assert offered_bits(catalogue, bare, "net0") & _USO_BITS == _USO_BITS

    for build in (None, "qemu-11.1.3", "qemu-10.0.13", "qemu-10.0.2"):
        upstream = _resolved(catalogue, build, machine)
        assert not any(s.property in _USO for s in upstream.settings)
        assert not offered_bits(catalogue, upstream, "net0") & _USO_BITS

    older = machine.replace("8.1", "8.0")
    assert not any(
        s.property in _USO for s in _resolved(catalogue, "qemu-8.2.2-ubuntu", older).settings
    )


def test_without_a_build_ubuntus_is_not_let_pass(catalogue: pa.FileCatalogue) -> None:
    """What was resolved for upstream's is another machine there, and told with what keeps it."""
    abi = _resolved(catalogue, None, "pc-q35-8.1")
    verdict = pa.compare_machine(catalogue, abi, "qemu-8.2.2-ubuntu")
    assert verdict.status == "differs"
    assert {f"virtio-net-pci.{name}=off" for name in _USO} <= set(verdict.arguments)
    assert pa.compare_machine(catalogue, abi, "qemu-10.0.13").status == "ok"


def test_who_explains_does_not_say_that_it_is_kept_as_it_was(catalogue: pa.FileCatalogue) -> None:
    """Of Ubuntu's 8.1 it is not, of upstream's it is."""
    for build, silent in (("qemu-8.2.2-ubuntu", False), ("qemu-11.1.3", True)):
        vm = _with_nic(catalogue, build, "pc-q35-8.1")
        told = pa.explain(catalogue, "virtio-net-device.host_uso", vm, "linux-6.1")
        assert bool(told.silent) is silent


#: Switched off by compat properties of older machine types than they came with, by a build here
#: that leaves them to one of those: machine types of each build.
_LEFT = {("qemu-8.2.2-ubuntu", f"{family}-8.1") for family in ("pc-i440fx", "pc-q35")}


def test_no_other_build_here_leaves_an_older_machine_type_what_a_host_decides(
    catalogue: pa.FileCatalogue,
) -> None:
    """So nothing that was resolved for any of them before is resolved otherwise now."""
    found = set()
    for name in catalogue.builds("x86_64"):
        build = catalogue.build(name, "x86_64")
        for each in build.machines:
            machine = catalogue.machine(name, each, "x86_64")
            if machine.generation is None:
                continue
            for feature in catalogue.every_feature():
                older = version_key(machine.generation) < version_key(feature.generation or "0")
                if older and leaves(catalogue, build, machine, feature):
                    found.add((name, each))
    assert found == _LEFT


def _both(first: bool | None, second: bool | None) -> bool | None:
    """Return whether two things hold of which either may be not known."""
    if False in (first, second):
        return False
    return None if None in (first, second) else True


@given(st.data())
def test_a_machine_type_of_no_generation_has_what_came_before_it_and_did_not_go(
    catalogue: pa.FileCatalogue, data: st.DataObject
) -> None:
    """Three values: what is not known of either end is known of a feature only by the other."""
    build = catalogue.build("qemu-8.2.2-ubuntu", "x86_64")
    machine = catalogue.machine(
        build.name, data.draw(st.sampled_from(["isapc", "microvm"])), "x86_64"
    )
    between = span(catalogue, build.name, machine.name, machine.arch)
    release = st.sampled_from(["1.0", "8.1", "8.2", "8.3", "9.0", "11.0"])
    drawn = evolve(
        data.draw(st.sampled_from([*catalogue.features("virtio-net")])),
        generation=data.draw(st.none() | release),
        until=data.draw(st.none() | release),
    )
    come = drawn.generation is None or between.since(drawn.generation)
    found = shows(catalogue, build, machine, drawn)
    if drawn.until is not None:
        gone = between.since(drawn.until)
        assert found is _both(come, None if gone is None else not gone)
    elif drawn.generation is None:
        assert found is True
    else:
        told = {
            shows_property(catalogue, build, machine, drawn.generation, carried)
            for carried in drawn.drives or (("", ""),)
        }
        same = drawn.requires.get("*") == ()
        assert found is (True if True in told else None if None in told and not same else False)


def test_what_nobody_can_say_of_a_machine_type_is_neither_yes_nor_no(
    catalogue: pa.FileCatalogue,
) -> None:
    """Of the board that has no version: 1.0 may be before or after it, 9.0 is after its build."""
    build = catalogue.build("qemu-8.2.2-ubuntu", "x86_64")
    machine = catalogue.machine(build.name, "isapc", "x86_64")
    feature = next(f for f in catalogue.features("virtio-net") if f.generation and f.drives)
    nothing = evolve(feature, properties=(), requires={"tap": ("tun.uso",)})
    for since, until, expected in (
        (None, "9.0", True),
        (None, "8.1", None),
        ("8.1", "9.0", None),
        ("9.0", "8.1", False),
        ("9.0", "11.0", False),
        ("8.1", None, None),
        ("9.0", None, False),
    ):
        drawn = evolve(nothing, generation=since, until=until)
        assert shows(catalogue, build, machine, drawn) is expected, (since, until)
    alike = evolve(nothing, generation="8.1", requires={"*": ()})
    assert shows(catalogue, build, machine, alike) is False


@given(scenarios(), st.sampled_from(["alpha", "beta-2"]))
def test_what_a_machine_type_shows_is_its_own_compat_properties(
    scenario: Scenario, name: str
) -> None:
    """Where its build keeps the oldest from it by one; else the releases between which it is."""
    carried = ("net-device", name)
    for oldest, without in ((True, True), (False, False)):
        kept = _with(scenario, name, oldest=oldest)
        machine = kept.machine(BUILD, scenario.vm.machine, "x86_64")
        build = kept.build(BUILD, "x86_64")
        own = any(e.property == name and e.driver != "x86_64-cpu" for e in machine.compat)
        assert without or own
        assert shows_property(kept, build, machine, "1.0", carried) is not own
    never = ("net-device", "no-such-property")
    assert shows_property(kept, build, machine, "1.0", never) is False
    bare = _with(scenario, oldest=True)
    machine = bare.machine(BUILD, scenario.vm.machine, "x86_64")
    if not any(entry.property == name for entry in machine.compat):
        between = span(bare, build.name, machine.name, machine.arch)
        for generation in ("1.0", "9.0", "99.0"):
            said = shows_property(bare, build, machine, generation, carried)
            assert said is between.since(generation)
