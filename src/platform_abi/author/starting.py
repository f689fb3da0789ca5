"""New definitions, begun: the text of a file that says what there is to say, and why.

What stands in it is read at once; what its author has to add stands in comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import tomli_w

from platform_abi.definitions.checks import NAME
from platform_abi.definitions.levels import EVERY
from platform_abi.errors import UsageError, unknown
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.names import feature_stem
from platform_abi.model.reference import Reference
from platform_abi.model.value import frozen

#: A platform's name: its system, if it is of a vendor's, the lineage, and the version at its end.
_VERSIONED = re.compile(
    r"(?:[A-Za-z0-9]+-)?(?P<lineage>[A-Za-z][A-Za-z0-9_+-]*?)-(?P<version>[0-9][A-Za-z0-9.+]*)"
)


@frozen(kw_only=True)
class Begun:
    """A definition that was begun: where its file lies below a folder of definitions.

    Where that file is there already, *entry* goes to its end, and else *head* comes before it.
    """

    relative: str
    head: str
    entry: str
    #: Whether the file may hold others beside it.
    shared: bool = True


def new_platform(
    catalogue: Catalogue,
    name: str,
    *,
    extends: str | None = None,
    levels: Mapping[str, str] | None = None,
    title: str | None = None,
    lineage: str | None = None,
    released: date | None = None,
    edition: str | None = None,
    assumes: Sequence[str] = (),
    features: Mapping[str, tuple[str, str]] | None = None,
    known: Iterable[str] = (),
) -> Begun:
    """Return a platform called *name* that is as *extends*, or has the *levels* of subsystems.

    Its version is the end of its name, and its lineage what comes before, without its system.
    *features* are what it lists beyond these, each with its value and how that is known; *known*
    are sentences on how all the rest is.
    Raises UsageError where the name has no version (``platform-name``) or neither says what its
    hosts have (``platform-empty``), UnknownNameError where there is no platform *extends*.
    """
    named = _VERSIONED.fullmatch(name) if NAME.fullmatch(name) else None
    if named is None:
        raise UsageError(
            f"'{name[:60]}' has no version at its end",
            code="platform-name",
            help="a kernel, then its version: linux-acme-6.9",
        )
    if name in (*catalogue.platform_names(), *catalogue.platform_aliases()):
        raise UsageError(
            f"there is a platform '{name}'",
            code="platform-name",
            help="a name never changes its meaning: a newer kernel is a newer name",
        )
    if extends is None and not levels:
        raise UsageError(
            f"nothing says what hosts of '{name}' have",
            code="platform-empty",
            help="--extends a platform, or --level kernel=6.9 for what its kernel is",
        )
    if not NAME.fullmatch(lineage or named["lineage"]):
        raise UsageError(
            f"'{lineage}' is no lineage", code="platform-name", help="a word: --lineage acme"
        )
    head: dict[str, object] = {
        "name": name,
        "lineage": lineage or named["lineage"],
        "version": named["version"],
        "title": title or name,
        "edition": edition or _newest_edition(catalogue),
        **({"extends": catalogue.platform(extends).name} if extends else {"system": "linux"}),
    }
    _check_subsystems(catalogue, levels or {})
    if released is not None:
        head["released"] = released
    if assumes:
        head["assumes"] = [*assumes]
    if levels:
        head["levels"] = dict(levels)
    return Begun(
        relative=f"platforms/{head['lineage']}/{name}.toml",
        head="",
        entry=f"# {head['title']}: which kernel, and by which source each line below is known.\n"
        "# What is not known of it is left out, and off.\n"
        + "".join(f"# {line}\n" for line in known)
        + "\nschema = 1\n\n"
        + tomli_w.dumps({"platform": head})
        + "\n# What every such host can honour, and the levels or the parent do not say:\n"
        + (_listed(features) if features else _NOTHING_LISTED),
        shared=False,
    )


_NOTHING_LISTED = """\
# [features]
# "virtio-net.host-uso" = "on"      # a backport
# "virtio-net.rss" = false          # what the parent lists and this has not
"""


def _listed(features: Mapping[str, tuple[str, str]]) -> str:
    lines = ["[features]"]
    for feature, (value, known) in sorted(features.items()):
        lines += [f"# {known}", tomli_w.dumps({feature: value}).rstrip("\n")]
    return "\n".join(lines) + "\n"


def _check_subsystems(catalogue: Catalogue, levels: Iterable[str]) -> None:
    known = {EVERY, *(each.subsystem for each in catalogue.capabilities().values())}
    for subsystem in levels:
        if subsystem not in known:
            raise unknown(
                "subsystem",
                subsystem,
                known,
                code="unknown-subsystem",
                help="what capabilities are of, or 'kernel' for all without a level of their own",
            )


def new_feature(
    catalogue: Catalogue,
    name: str,
    *,
    properties: Iterable[str],
    requires: Mapping[str, tuple[str, ...]],
    title: str | None = None,
    generation: str | None = None,
    reference: str | None = None,
    edition: str | None = None,
) -> Begun:
    """Return a feature called *name*, ``FAMILY.WHAT``, that *properties* turn on and off.

    *requires* has the capabilities that it needs, by backend: at least one. Raises UsageError
    where nothing is to be set or needed (``feature-empty``) or the feature is there.
    """
    sound = bool(NAME.fullmatch(name)) and "." in name
    if not sound or catalogue.feature(name) is not None:
        raise UsageError(
            f"'{name[:60]}' is {'a feature already' if sound else 'no FAMILY.NAME'}",
            code="feature-name",
            help="the name of its file, a dot, and what it is: virtio-net.host-uso",
        )
    listed = [*properties]
    if not listed:
        raise UsageError(
            f"nothing says what '{name}' sets",
            code="feature-empty",
            help="--property virtio-net-device.host_uso",
        )
    if not requires:
        # Asked of nothing, it would be on for every guest, without a word.
        raise UsageError(
            f"nothing says what '{name}' needs of a host",
            code="feature-empty",
            help="--requires BACKEND=CAPABILITY, for each backend that can carry it",
        )
    entry: dict[str, object] = {
        "id": name,
        "title": title or name,
        "edition": edition or _newest_edition(catalogue),
    }
    if generation is not None:
        entry["generation"] = generation
    entry |= {"fallback": "off", "when-supported": "on", "properties": listed}
    entry["requires"] = {backend: [*needed] for backend, needed in requires.items()}
    if reference:
        entry["reference"] = Reference(source=reference)
    return Begun(
        relative=f"features/{feature_stem(name)}.toml",
        head="schema = 1\n\n",
        entry="# fallback: what a guest gets where its platform does not list the feature;\n"
        "# when-supported: what QEMU chooses by itself on a host that can.\n"
        + _entry("feature", entry),
    )


def new_capability(
    catalogue: Catalogue,
    name: str,
    *,
    subsystem: str | None = None,
    since: str | None = None,
    symbol: str | None = None,
    title: str | None = None,
    reference: str | None = None,
) -> Begun:
    """Return a capability called *name*, ``SUBSYSTEM.WHAT``, that kernels have *since* a release.

    Raises UsageError where the capability is there, or nothing says which subsystem it is of.
    """
    prefix, dot, _ = name.partition(".")
    sound = bool(NAME.fullmatch(name)) and bool(dot)
    if not sound or name in catalogue.capabilities():
        raise UsageError(
            f"'{name[:60]}' is {'a capability already' if sound else 'no SUBSYSTEM.NAME'}",
            code="capability-name",
            help="what it is of, a dot, and what it is: tun.uso",
        )
    entry: dict[str, object] = {
        "id": name,
        "title": title or name,
        "subsystem": subsystem or prefix,
    }
    if since:
        entry["since"] = since
    entry["confidence"] = "medium" if reference else "low"
    if symbol:
        entry["symbol"] = symbol
    if reference:
        entry["reference"] = Reference(source=reference)
    else:
        entry["note"] = "by its author's word; no source was named"
    return Begun(
        relative=f"capabilities/{prefix}.toml",
        head="schema = 1\n\n",
        entry="# since: the first upstream release; a probe, where there is one, decides.\n"
        + _entry("capability", entry),
    )


def new_mask(
    catalogue: Catalogue, feature: str, *, platform: str, reason: str | None, today: date
) -> Begun:
    """Return a mask that withdraws *feature* from *platform*, ``*`` for all of them.

    Raises UsageError without a *reason* (``mask-reason``), UnknownNameError for other names.
    """
    if catalogue.feature(feature) is None:
        known = [each.id for each in catalogue.every_feature()]
        raise unknown("feature", feature, known, code="unknown-feature")
    if platform != "*":
        catalogue.platform(platform)
    if not reason:
        raise UsageError(
            "a mask must say why", code="mask-reason", help='--reason "loses packets: BUG-4711"'
        )
    entry = {"platform": platform, "feature": feature, "reason": reason, "date": today}
    return Begun(
        relative="masks/site.toml",
        head="schema = 1\n\n",
        entry=_entry("mask", entry),
    )


def _newest_edition(catalogue: Catalogue) -> str:
    """Return the edition that a bare name means: a site has its own definitions in it."""
    return catalogue.newest_edition() or catalogue.editions()[-1]


def _entry(kind: str, entry: Mapping[str, object]) -> str:
    """Return *entry* as one of an array of tables, which may be at the end of a file.

    tomli-w would write a short one in a line, which no other could follow.
    """
    inner = {key: value for key, value in entry.items() if isinstance(value, (dict, Reference))}
    lines = [f"[[{kind}]]", tomli_w.dumps({k: v for k, v in entry.items() if k not in inner})]
    for key, value in inner.items():
        if isinstance(value, Reference):
            lines += [f"[[{kind}.{key}]]", tomli_w.dumps({"source": value.source})]
        else:
            lines += [f"[{kind}.{key}]", tomli_w.dumps(value)]
    return "\n".join(line.rstrip("\n") for line in lines) + "\n"
