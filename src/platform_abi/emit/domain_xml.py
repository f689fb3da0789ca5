"""libvirt's domain XML with the platform in it, each setting in the most native place.

An attribute of libvirt's own, else ``qemu:override`` of the device, else ``qemu:commandline``;
which, ``definitions/libvirt`` says. Only what the platform sets is written: what the document says
already is the user's, and stays as it is, as does every byte between.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Literal

from attrs import define, field

from platform_abi.emit.arguments import (
    chosen_options,
    global_argument,
    global_settings,
    netdev_options,
    own_settings,
)
from platform_abi.emit.xml_edit import Wanted, edited, namespaces
from platform_abi.errors import UsageError, printable
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import ACCELERATOR, MACHINE, NETDEV
from platform_abi.model.libvirt import LibvirtTable, NativePlace, NewElement, Step, numbers
from platform_abi.model.value import frozen
from platform_abi.model.vm import Device, VirtualMachine
from platform_abi.model.xml_tree import Element, read_xml
from platform_abi.resolver.layers import DeviceTypes, device_types, inner_device, inner_types
from platform_abi.resolver.machine_choice import choose_machine

#: What the alias begins with that a user gives a device, and how long one can be
#: (src/conf/domain_conf.c, virDomainDeviceAliasIsUserAlias; qemuDomainDeviceDefValidate).
_USERS = "ua-"

#: Characters that libvirt takes in an alias of the user's.
_NOT_IN_ALIAS = re.compile(r"[^A-Za-z0-9_-]")

#: QEMU's own words for numbers.
_NUMBER = re.compile(r"u?int|size")

Kind = Literal["native", "override", "commandline"]


@frozen(kw_only=True)
class Placed:
    """A setting of the platform, and where it went; *where* is a path, or an argument."""

    setting: Setting
    device: str | None
    kind: Kind
    where: str


@frozen(kw_only=True)
class DomainXml:
    """The *text* of a domain with its platform, and where each setting is in it."""

    text: str
    placed: tuple[Placed, ...]


def domain_xml(
    catalogue: Catalogue,
    text: str,
    abi: GuestAbi,
    elements: Mapping[str, int],
    *,
    name: str = "the domain",
    version: str = "",
) -> DomainXml:
    """Return the domain XML *text*, which errors call *name*, with the settings of *abi* in it.

    *elements* says of devices, by their labels, where their elements begin in the text, in bytes of
    UTF-8. *version* is the libvirt that reads it; empty: the oldest that is known. An override
    needs an alias of the user's, which a device gets that has none.

    Raises UsageError for what is no domain of QEMU's (``domain-type``), for a version that is none,
    and (``libvirt-lost``) where libvirt cannot be told something that the platform sets.
    """
    root = read_xml(text, name)
    given = root.attributes.get("type", "")
    table = catalogue.libvirt()
    if root.name != "domain" or given not in table.types:
        what = f"a domain of type '{given}'" if root.name == "domain" else f"<{root.name}>"
        raise UsageError(
            f"{printable(name)}: expected a <domain> of type {' or '.join(table.types)}, "
            f"found {printable(what)}",
            code="domain-type",
        )
    data = text.encode("utf-8", "surrogateescape")
    writing = _Writing(
        data=data,
        catalogue=catalogue,
        table=table,
        abi=abi,
        reach=_Reach.of(catalogue, abi.vm),
        version=_known(version or table.oldest),
        root=Wanted(name=root.name),
        elements={label: _at(root, start) for label, start in elements.items()},
        overridden=frozenset(_overridden(root, f"{{{table.namespace}}}")),
    )
    writing.write(root)
    made = edited(data, writing.wanted(root), writing.prefixes)
    return DomainXml(text=made.decode("utf-8", "surrogateescape"), placed=tuple(writing.placed))


def _known(version: str) -> str:
    try:
        numbers(version)
    except ValueError:
        raise UsageError(
            f"not a version of libvirt: {printable(version)}",
            code="usage",
            help="for example 11.3; 'virsh --version' says it",
        ) from None
    return version


def _at(root: Element, start: int) -> Element:
    """Return the element of a device that begins at *start*."""
    for devices in root.named("devices"):
        for element in devices.children:
            if element.start == start:
                return element
    message = f"no device begins at byte {start}"
    raise ValueError(message)


def _inside(element: Element | None, step: Step) -> Element | None:
    """Return the child of *element* that *step* leads to, if there is one."""
    by = dict(step.by).items()
    likes = () if element is None else element.named(step.name)
    return next((each for each in likes if by <= each.attributes.items()), None)


@define(kw_only=True, eq=False)
class _Reach:
    """Which devices a setting reaches, and how QEMU's JSON says its value."""

    catalogue: Catalogue
    build: str
    vm: VirtualMachine
    types: Mapping[str, DeviceTypes]

    @classmethod
    def of(cls, catalogue: Catalogue, vm: VirtualMachine) -> _Reach:
        """Return what is known of the devices of *vm*."""
        build, _ = choose_machine(catalogue, vm.machine, vm.arch, vm.build)
        types = catalogue.types(build.name, vm.arch)
        inside = inner_types(catalogue, types)
        known = {}
        for label, device in vm.labelled():
            driver = types.canonical(device.driver)
            inner = inner_device(types, inside, driver) or inside.get(driver, "")
            known[label] = device_types(types, driver, inner)
        return cls(catalogue=catalogue, build=build.name, vm=vm, types=known)

    def covered(self, setting: Setting) -> list[tuple[str, Device]]:
        """Return the devices that *setting* reaches as a ``-global``, each behind its label."""
        return [
            (label, device)
            for label, device in self.vm.labelled()
            if setting.driver in self.types[label].every
        ]

    def is_explicit(self, setting: Setting, label: str, device: Device) -> bool:
        """Return whether the user says the property of the device, which an override would beat."""
        return setting.property in dict(device.properties) or any(
            given.property == setting.property and given.driver in self.types[label].every
            for given in self.vm.globals
        )

    def is_one_of(self, label: str, drivers: Container[str]) -> bool:
        """Return whether the device is of one of *drivers*."""
        return any(each in drivers for each in self.types[label].every)

    def json(self, device: Device, setting: Setting) -> tuple[str, str]:
        """Return libvirt's type of a property, by which it is JSON, and its value of that type."""
        vm = self.vm
        driver = self.catalogue.types(self.build, vm.arch).canonical(device.driver)
        rows = self.catalogue.driver_properties(self.build, vm.arch, driver)
        known = rows.get(setting.property)
        feature = self.catalogue.feature_of(setting.driver, setting.property)
        kind = known.type if known is not None else "" if feature is None else feature.type
        if kind == "bool":
            return "bool", "true" if setting.value == "on" else "false"
        if _NUMBER.match(kind):
            return ("signed" if setting.value.startswith("-") else "unsigned"), setting.value
        return "string", setting.value


def _overridden(root: Element, of: str) -> Iterator[str]:
    """Yield the aliases of the devices that the document has an override of."""
    for override in root.named(f"{of}override"):
        for device in override.named(f"{of}device"):
            yield device.attributes.get("alias", "")


@define(kw_only=True, eq=False)
class _Writing:
    """A domain that settings are being put into."""

    data: bytes
    catalogue: Catalogue
    table: LibvirtTable
    abi: GuestAbi
    reach: _Reach
    version: str
    #: What is wanted of the domain, and of the elements of devices by their labels.
    root: Wanted
    elements: Mapping[str, Element]
    #: Aliases of devices that the document has an override of.
    overridden: frozenset[str] = frozenset()
    devices: dict[str, Wanted] = field(factory=dict)
    placed: list[Placed] = field(factory=list)
    prefixes: dict[str, str] = field(factory=dict)
    #: What stands in no place of its own: option and value.
    arguments: list[tuple[str, str]] = field(factory=list)
    lost: list[str] = field(factory=list)

    def write(self, root: Element) -> None:
        """Find a place for everything that the platform sets."""
        for name, value in chosen_options(self.abi):
            self._of_machine(root, name, value)
        for setting in global_settings(self.abi):
            if setting.layer == "platform":
                self._wide(root, setting)
        for device, own in own_settings(self.abi):
            for setting in own:
                label = setting.device or ""
                if not self._of_device(label, device, setting):
                    self._lose(setting, label, "it has no element where that could stand")
        for _, setting in netdev_options(self.abi):
            reason = self.table.lost.get(f"{NETDEV}.{setting.property}", "it has no place there")
            self._lose(setting, setting.device, reason)
        self._refuse_lost()
        self._finish(root)

    # --- one setting -----------------------------------------------------------------------------

    def _of_machine(self, root: Element, name: str, value: str) -> None:
        setting = next(s for s in self.abi.settings if s.driver == MACHINE and s.property == name)
        if not self._native(root, self.root, setting, None):
            self._argument("-machine", f"{name}={value}", setting)

    def _wide(self, root: Element, setting: Setting) -> None:
        """Place a setting of every device of a driver, or of the CPU."""
        covered = self.reach.covered(setting)
        if not covered:
            family = self.catalogue.devices().family_of(setting.driver)
            # What is set of a device that is not there has no effect.
            if family is None or family.backend != ACCELERATOR:
                return
            if not self._native(root, self.root, setting, None):
                self._argument("-global", global_argument(setting), setting)
            return
        if not all(self._has_place(label, setting) for label, _ in covered):
            self._argument("-global", global_argument(setting), setting)
            return
        for label, device in covered:
            if not self.reach.is_explicit(setting, label, device):
                self._of_device(label, device, setting)

    def _has_place(self, label: str, setting: Setting) -> bool:
        """Return whether *setting* can be said of the one device."""
        if label not in self.elements:
            return False
        native = self._free(self.elements[label], setting, label)
        return native is not None or not self.reach.is_one_of(label, self.table.whole)

    def _of_device(self, label: str, device: Device, setting: Setting) -> bool:
        if label not in self.elements:
            return False
        element = self.elements[label]
        wanted = self.devices.setdefault(label, Wanted(name=element.name))
        if self._native(element, wanted, setting, label):
            return True
        if self.reach.is_one_of(label, self.table.whole):
            return False
        alias = self._alias(label)
        of = f"{{{self.table.namespace}}}"
        frontend = (
            self.root.child(f"{of}override", {})
            .child(f"{of}device", {"alias": alias})
            .child(f"{of}frontend", {})
        )
        kind, value = self.reach.json(device, setting)
        one = frontend.child(f"{of}property", {"name": setting.property})
        one.attributes |= {"type": kind, "value": value}
        self._note(setting, label, "override", f"{alias}.{setting.property}")
        return True

    def _alias(self, label: str) -> str:
        """Return the user's alias of a device, which it gets if it has none.

        One that an override of the user's calls by libvirt's alias is called that.
        """
        alias = self.elements[label].get("alias/@name") or ""
        if not alias.startswith(_USERS) and label not in self.overridden:
            alias = _USERS + _NOT_IN_ALIAS.sub("-", label.removeprefix(_USERS))
            self.devices[label].child("alias", {}).attributes["name"] = alias
        return alias or label

    def _free(
        self, element: Element, setting: Setting, label: str | None
    ) -> tuple[NativePlace, str] | None:
        """Return the native place of a setting, with libvirt's value, where nothing stands yet."""
        drivers = (setting.driver,) if label is None else self.reach.types[label].every
        kind = "" if label is None else element.name
        for place in self.table.places(drivers, setting.property, kind, self.version):
            value = place.value(setting.value)
            here: Element | None = element
            for step in place.steps():
                here = _inside(here, step)
            taken = here is not None and place.attribute in here.attributes
            if value is not None and not taken:
                return place, value
        return None

    def _native(
        self, element: Element, wanted: Wanted, setting: Setting, label: str | None
    ) -> bool:
        """Write *setting* into libvirt's own attribute, if it has one for it."""
        free = self._free(element, setting, label)
        if free is None:
            return False
        place, value = free
        here: Element | None = element
        for step in place.steps():
            new = self.table.new.get(step.name, NewElement())
            wanted = wanted.child(step.name, dict(step.by), new.after)
            here = _inside(here, step)
            if here is None:
                wanted.attributes |= new.attributes
        wanted.attributes |= {**place.also, place.attribute: value}
        self._note(setting, label, "native", f"{place.path}@{place.attribute}")
        return True

    def _argument(self, option: str, value: str, setting: Setting) -> None:
        self.arguments.append((option, value))
        self._note(setting, None, "commandline", f"{option} {value}")

    def _note(self, setting: Setting, device: str | None, kind: Kind, where: str) -> None:
        self.placed.append(Placed(setting=setting, device=device, kind=kind, where=where))

    def _lose(self, setting: Setting, label: str | None, reason: str) -> None:
        name = f"{setting.driver}.{setting.property}={setting.value}"
        self.lost.append(f"{name} of {label}: {reason}")

    # --- the whole -------------------------------------------------------------------------------

    def _refuse_lost(self) -> None:
        if self.lost:
            raise UsageError(
                "libvirt cannot be told " + "; nor ".join(self.lost),
                code="libvirt-lost",
                help="let qemu-platform be the <emulator> of this domain",
            )

    def _finish(self, root: Element) -> None:
        """Write what is left to the command line, and declare the namespace."""
        of = f"{{{self.table.namespace}}}"
        if self.arguments:
            line = Wanted(name=f"{of}commandline")
            for word in (word for pair in self.arguments for word in pair):
                line.children.append(Wanted(name=f"{of}arg", by={"value": word}, fresh=True))
            self.root.children.append(line)
        if any(child.name.startswith(of) for child in self.root.children):
            self.prefixes[self.table.namespace] = self._prefix(root)

    def _prefix(self, root: Element) -> str:
        """Return what libvirt's namespace of QEMU is called, declared by the domain."""
        declared = namespaces(self.data, root)
        for prefix, namespace in declared.items():
            if namespace == self.table.namespace:
                return prefix
        prefix = next(p for p in _prefixes() if p not in declared)
        self.root.attributes[f"xmlns:{prefix}"] = self.table.namespace
        return prefix

    def wanted(self, root: Element) -> Iterator[tuple[Element, Wanted]]:
        """Yield what is wanted of the domain, and of the elements of devices."""
        yield root, self.root
        for label, wanted in self.devices.items():
            yield self.elements[label], wanted


def _prefixes() -> Iterator[str]:
    yield "qemu"
    number = 1
    while True:
        yield f"qemu{number}"
        number += 1
