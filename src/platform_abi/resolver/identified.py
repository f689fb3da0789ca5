"""What an id that is printed somewhere stands for: a feature, a capability, a platform, a code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from platform_abi.errors import UnknownNameError, unknown
from platform_abi.model.capability import Capability
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.feature import Feature
from platform_abi.model.names import UNREAD, driver_and_property
from platform_abi.model.platform import Listing, Platform, edition_key
from platform_abi.model.value import frozen
from platform_abi.resolver.choice import parse_platform


@frozen(kw_only=True)
class FeatureEntry:
    """A feature, and what platforms do with it.

    *platforms* has, by lineage, the first platform of it that turns the feature on.
    """

    feature: Feature
    platforms: Mapping[str, str]


@frozen(kw_only=True)
class CapabilityEntry:
    """A host capability, and the *features* that need it behind some backend."""

    capability: Capability
    features: tuple[str, ...]


@frozen(kw_only=True)
class CodeEntry:
    """The *code* of a finding or an error, and what it *means*."""

    code: str
    means: str


@frozen(kw_only=True)
class MessageEntry:
    """A message of QEMU's or libvirt's that ``explain-error`` knows by *code*.

    *of* is the source file that has it, *says* what it means, with the fields of its *texts* in
    braces.
    """

    code: str
    of: str
    says: str
    texts: tuple[str, ...]


@frozen(kw_only=True)
class PieceEntry:
    """A *piece* of a virtual machine that is printed where nobody could read it, and what it is.

    *of* is what it is a piece of.
    """

    piece: str
    of: str
    means: str


Entry = PieceEntry | FeatureEntry | CapabilityEntry | CodeEntry | MessageEntry | Platform


def identified(catalogue: Catalogue, name: str) -> tuple[Entry, ...]:
    """Return what *name* stands for; several for a property that more than one feature drives.

    *name* is the id of a feature or a host capability, ``DRIVER.PROPERTY`` that features drive, a
    platform with its edition or without, the code of a finding or an error, or a piece of a domain
    XML or a configuration of Proxmox VE's that was not read. Raises
    UnknownNameError (``unknown-id``) for what is none of these, with the nearest that are.
    """
    found = [*_entries(catalogue, name)]
    if not found:
        raise _unknown(catalogue, name)
    return tuple(found)


def _entries(catalogue: Catalogue, name: str) -> Iterator[Entry]:
    feature = catalogue.feature(name)
    if feature is not None:
        yield feature_entry(catalogue, feature)
    if name in (capabilities := catalogue.capabilities()):
        yield capability_entry(catalogue, capabilities[name])
    # A property may be called as a feature is: virtio-mem.block-size.
    others = (each for each in _driving(catalogue, name) if each != feature)
    yield from (feature_entry(catalogue, each) for each in others)
    platform = name.partition("@")[0].partition(",")[0]
    # Only what is nothing else is looked for among the other names: that takes every platform.
    if platform in catalogue.platform_names() or (
        feature is None and name not in capabilities and platform in catalogue.platform_aliases()
    ):
        yield catalogue.platform(parse_platform(name).name)
    means = catalogue.codes().get(name)
    if means is not None:
        yield CodeEntry(code=name, means=means)
    for message in catalogue.messages().messages:
        if message.code == name:
            yield MessageEntry(
                code=name,
                of=message.text[0].source,
                says=message.says,
                texts=tuple(text.text for text in message.text),
            )
    yield from _pieces(catalogue, name.removeprefix(UNREAD))


def _pieces(catalogue: Catalogue, name: str) -> Iterator[PieceEntry]:
    """Yield what *name* is where it is a path, or a device by the name that QEMU has for it."""
    head, slash, rest = name.partition("/")
    path = rest if head == _DOMAIN else name
    if not slash and name.startswith(_DEVICE):
        means = f"{_PLUGGED}; {_UNKNOWN}"
        yield PieceEntry(piece=name, of="a running virtual machine", means=means)
    elif head == _QM and rest:
        of = "a configuration of Proxmox VE's (/etc/pve/qemu-server)"
        means = f"what it is to the guest follows from Proxmox VE's own code; {_UNKNOWN}"
        yield PieceEntry(piece=name, of=of, means=means)
    elif slash and "." not in head and _PATH.fullmatch(path):
        unseen = any(
            fnmatchcase(path, each) or fnmatchcase(path, f"{each}/*")
            for each in catalogue.domains().unseen
        )
        means = _UNSEEN if unseen else f"where no rule of definitions/domains reads it, {_UNKNOWN}"
        yield PieceEntry(piece=name, of="a domain XML of libvirt's", means=means)


_DOMAIN, _QM, _DEVICE = "domain", "qm", "device "

#: Names of elements with slashes between them, perhaps an attribute, perhaps a device's alias.
_PATH = re.compile(r"(\{[^{}]*\})?[\w.:-]+(/[\w.:-]+)*(/?@[\w.:-]+)?( [^ ]+)?|@[\w.:-]+")

_UNSEEN = "only the host can tell it: neither the guest nor a migration stream has it"
_PLUGGED = "plugged in or out since its QEMU was started"
_UNKNOWN = "it counts as unknown, and 'check' does not let it pass (vm-unknown)"


def _driving(catalogue: Catalogue, name: str) -> Iterator[Feature]:
    """Yield the features that drive property *name* of a driver, or of the device inside it."""
    driver, prop = driver_and_property(name)
    families = [*catalogue.devices().families_of(driver)]
    some = [feature for family in families for feature in catalogue.family_features(family)]
    for feature in some if families else catalogue.sound_features():
        drives = {(driver if families else d, _plain(p)) for d, p in feature.drives}
        if (driver, _plain(prop)) in drives:
            yield feature


def _plain(prop: str) -> str:
    """Return how a property is written where dashes and underscores are the same."""
    return prop.replace("-", "_")


def _unknown(catalogue: Catalogue, name: str) -> UnknownNameError:
    known = [
        *(feature.id for feature in catalogue.sound_features()),
        *(name for feature in catalogue.sound_features() for name in feature.properties),
        *catalogue.capabilities(),
        *catalogue.platform_names(),
        *catalogue.codes(),
        *(message.code for message in catalogue.messages().messages),
    ]
    return unknown(
        "id",
        name,
        known,
        code="unknown-id",
        help="an id is what is printed: a feature, capability, platform, code or a piece that was "
        "not read; a property needs a virtual machine, as for resolve",
    )


def feature_entry(catalogue: Catalogue, feature: Feature) -> FeatureEntry:
    """Return what there is to say of *feature* besides itself."""
    return FeatureEntry(feature=feature, platforms=_first_platforms(catalogue, feature))


def _first_platforms(catalogue: Catalogue, feature: Feature) -> dict[str, str]:
    newest = edition_key(catalogue.newest_edition() or catalogue.editions()[-1])
    found: dict[str, str] = {}

    def listed(name: str) -> Listing | None:
        return catalogue.listing(catalogue.platform(name), feature)

    for platform in catalogue.every_platform():
        listing = catalogue.attempt("platform", platform.name, listed)
        value = None if listing is None else listing.at(newest)
        if value is not None and feature.demands(value):
            found.setdefault(platform.lineage, platform.name)
    return found


def capability_entry(catalogue: Catalogue, capability: Capability) -> CapabilityEntry:
    """Return what there is to say of *capability* besides itself."""
    needing = (f.id for f in catalogue.sound_features() if capability.id in f.capabilities)
    return CapabilityEntry(capability=capability, features=tuple(sorted(needing)))
