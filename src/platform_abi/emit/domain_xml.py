"""libvirt's domain XML with the platform in it, each setting in the most native place.

Only what the platform sets is written: what the document says already is the user's, and stays as
it is, as does every byte between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from platform_abi.emit.domain_choice import (
    Argument,
    Choice,
    Lost,
    Native,
    Override,
    choose_places,
    inside,
)
from platform_abi.emit.xml_edit import Wanted, edited, namespaces
from platform_abi.errors import UsageError, printable
from platform_abi.model.abi import GuestAbi, Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.libvirt import LibvirtTable, NewElement, numbers
from platform_abi.model.value import define, field, frozen
from platform_abi.model.xml_tree import Element, read_xml

#: What the alias begins with that a user gives a device, and how long one can be
#: (src/conf/domain_conf.c, virDomainDeviceAliasIsUserAlias; qemuDomainDeviceDefValidate).
_USERS = "ua-"

#: Characters that libvirt takes in an alias of the user's.
_NOT_IN_ALIAS = re.compile(r"[^A-Za-z0-9_-]")

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
    devices = {label: _at(root, start) for label, start in elements.items()}
    writing = _Writing(
        data=data,
        table=table,
        root=root,
        elements=devices,
        overridden=frozenset(_overridden(root, f"{{{table.namespace}}}")),
    )
    known = _known(version or table.oldest)
    for choice in choose_places(catalogue, abi, root, devices, known):
        writing.write(choice)
    writing.finish()
    made = edited(data, writing.wanted(), writing.prefixes)
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


def _overridden(root: Element, of: str) -> Iterator[str]:
    """Yield the aliases of the devices that the document has an override of."""
    for override in root.named(f"{of}override"):
        for device in override.named(f"{of}device"):
            yield device.attributes.get("alias", "")


@define(kw_only=True, eq=False)
class _Writing:
    """A domain that settings are being put into."""

    data: bytes
    table: LibvirtTable
    root: Element
    #: The elements of devices by their labels.
    elements: Mapping[str, Element]
    #: Aliases of devices that the document has an override of.
    overridden: frozenset[str] = frozenset()
    #: What is wanted of the domain, and of those elements.
    domain: Wanted = field(init=False)
    devices: dict[str, Wanted] = field(factory=dict)
    placed: list[Placed] = field(factory=list)
    prefixes: dict[str, str] = field(factory=dict)
    #: What stands in no place of its own: option and value.
    arguments: list[tuple[str, str]] = field(factory=list)
    lost: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.domain = Wanted(name=self.root.name)

    def write(self, choice: Choice) -> None:
        """Put a setting where it goes."""
        setting = choice.setting
        match choice:
            case Native():
                self._native(choice)
            case Override():
                self._override(choice)
            case Argument(option=option, value=value):
                self.arguments.append((option, value))
                self._note(setting, None, "commandline", f"{option} {value}")
            case Lost(device=label, reason=reason):
                name = f"{setting.driver}.{setting.property}={setting.value}"
                self.lost.append(f"{name} of {label}: {reason}")

    def _native(self, choice: Native) -> None:
        place, label = choice.place, choice.device
        here: Element | None = self.root if label is None else self.elements[label]
        wanted = self.domain if label is None else self._device(label)
        for step in place.steps():
            new = self.table.new.get(step.name, NewElement())
            wanted = wanted.child(step.name, dict(step.by), new.after)
            here = inside(here, step)
            if here is None:
                wanted.attributes |= new.attributes
        wanted.attributes |= {**place.also, place.attribute: choice.value}
        self._note(choice.setting, label, "native", f"{place.path}@{place.attribute}")

    def _override(self, choice: Override) -> None:
        name = choice.setting.property
        alias = self._alias(choice.device)
        of = f"{{{self.table.namespace}}}"
        frontend = (
            self.domain.child(f"{of}override", {})
            .child(f"{of}device", {"alias": alias})
            .child(f"{of}frontend", {})
        )
        one = frontend.child(f"{of}property", {"name": name})
        one.attributes |= {"type": choice.type, "value": choice.value}
        self._note(choice.setting, choice.device, "override", f"{alias}.{name}")

    def _device(self, label: str) -> Wanted:
        """Return what is wanted of the element of a device."""
        return self.devices.setdefault(label, Wanted(name=self.elements[label].name))

    def _alias(self, label: str) -> str:
        """Return the user's alias of a device, which it gets if it has none.

        One that an override of the user's calls by libvirt's alias is called that.
        """
        alias = self.elements[label].get("alias/@name") or ""
        if not alias.startswith(_USERS) and label not in self.overridden:
            alias = _USERS + _NOT_IN_ALIAS.sub("-", label.removeprefix(_USERS))
            self._device(label).child("alias", {}).attributes["name"] = alias
        return alias or label

    def _note(self, setting: Setting, device: str | None, kind: Kind, where: str) -> None:
        self.placed.append(Placed(setting=setting, device=device, kind=kind, where=where))

    # --- the whole -------------------------------------------------------------------------------

    def finish(self) -> None:
        """Write what is left to the command line, and declare the namespace.

        Raises UsageError (``libvirt-lost``) where something has no place.
        """
        if self.lost:
            raise UsageError(
                "libvirt cannot be told " + "; nor ".join(self.lost),
                code="libvirt-lost",
                help="let qemu-platform be the <emulator> of this domain",
            )
        of = f"{{{self.table.namespace}}}"
        if self.arguments:
            line = Wanted(name=f"{of}commandline")
            for word in (word for pair in self.arguments for word in pair):
                line.children.append(Wanted(name=f"{of}arg", by={"value": word}, fresh=True))
            self.domain.children.append(line)
        if any(child.name.startswith(of) for child in self.domain.children):
            self.prefixes[self.table.namespace] = self._prefix()

    def _prefix(self) -> str:
        """Return what libvirt's namespace of QEMU is called, declared by the domain."""
        declared = namespaces(self.data, self.root)
        for prefix, namespace in declared.items():
            if namespace == self.table.namespace:
                return prefix
        prefix = next(p for p in _prefixes() if p not in declared)
        self.domain.attributes[f"xmlns:{prefix}"] = self.table.namespace
        return prefix

    def wanted(self) -> Iterator[tuple[Element, Wanted]]:
        """Yield what is wanted of the domain, and of the elements of devices."""
        yield self.root, self.domain
        for label, wanted in self.devices.items():
            yield self.elements[label], wanted


def _prefixes() -> Iterator[str]:
    yield "qemu"
    number = 1
    while True:
        yield f"qemu{number}"
        number += 1
