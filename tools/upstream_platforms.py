#!/usr/bin/env python3
"""Keeps the upstream platforms, linux-X.Y, in step with the features and the capabilities.

What such a platform lists follows from the definitions alone: every feature that a kernel of that
release can honour by what is known of its capabilities, with the value that QEMU gives it on a
capable host. The files spell it out all the same, each release on top of the one before it, so
that they can be read, and so that a change of what a released name means shows in a review. Where
editions do not agree, a feature has a value for each, false where it is not listed.

    upstream_platforms.py --check      # say what differs; exit with 1 if anything does
    upstream_platforms.py --write      # rewrite the [features] tables; all that is above them stays

A requirement that no capability file defines would count for nothing and a feature be listed too
early, so both report it, as well as a kernel configuration that the newest platform does not
assume although one of its features needs it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.definitions.levels import EVERY, dated_by_edition, implied
from platform_abi.errors import PlatformAbiError
from platform_abi.model.capability import Capability
from platform_abi.model.feature import NEVER, Feature
from platform_abi.model.platform import Listing, Platform, edition_key, version_key

FOLDER = Path("platforms", "linux")
PREFIX = "linux-"
TABLE = "[features]"
DEFINITIONS = Path(__file__).resolve().parent.parent / "definitions"

#: What a platform lists of a feature: a value, or one by edition, False where it does not.
Value = str | Mapping[str, "str | bool"]

#: Feature id to that.
Values = Mapping[str, Value]


class Definitions:
    """The definitions below one folder, and what they imply for each upstream kernel."""

    def __init__(self, root: Path) -> None:
        """Read features and capabilities; platforms are read when they are asked for."""
        self.root = root
        self.catalogue = FileCatalogue(roots=[root])
        self.capabilities = self.catalogue.capabilities()
        self.features: dict[str, Feature] = {
            feature.id: feature
            for stem in self.catalogue.feature_stems()
            for feature in self.catalogue.features(stem)
        }

    def releases(self) -> list[str]:
        """Return the kernel releases that have a platform file, oldest first."""
        files = (self.root / FOLDER).glob(f"{PREFIX}*.toml")
        return sorted((file.stem.removeprefix(PREFIX) for file in files), key=version_key)

    def file(self, release: str) -> Path:
        """Return the file of the platform of *release*."""
        return self.root / FOLDER / f"{PREFIX}{release}.toml"

    def expected(self, release: str) -> dict[str, Value]:
        """Return what the platform of *release* has to list, inherited or not."""
        upstream = Platform(name="", lineage="", levels={EVERY: release})
        found = {name: self.implied(upstream, f) for name, f in sorted(self.features.items())}
        return {name: value for name, value in found.items() if value is not None}

    def implied(self, platform: Platform, feature: Feature) -> Value | None:
        """Return what *platform* lists of *feature* by its levels, None where it never does."""
        dates = dated_by_edition(
            feature, self.catalogue.kernel_dates(), self.catalogue.earlier_dates()
        )
        return spelled(feature, implied(platform, feature, dates), self.catalogue.editions())

    def listed(self, release: str) -> dict[str, Value]:
        """Return what the platform of *release* does list, inherited or not."""
        platform = self.catalogue.platform(f"{PREFIX}{release}")
        found = {
            name: spelled(self.features[name], listing, self.catalogue.editions())
            for name, listing in sorted(platform.listings.items())
            if name in self.features
        }
        return {name: value for name, value in found.items() if value is not None}

    def brought_by(self, feature: Feature) -> list[Capability]:
        """Return the capabilities of *feature* that came last, the reason why it is listed now."""
        dated = [
            (version_key(entry.since), entry)
            for entry in self.required(feature)
            if entry.since not in (None, NEVER)
        ]
        newest = max((key for key, _ in dated), default=())
        return [entry for key, entry in dated if key == newest]

    def required(self, feature: Feature) -> list[Capability]:
        """Return every capability that some backend of *feature* needs."""
        names = sorted({name for needs in feature.requires.values() for name in needs})
        return [self.capabilities[name] for name in names if name in self.capabilities]

    def undefined(self) -> Iterator[str]:
        """Yield what features require although no capability file defines it."""
        for name, feature in sorted(self.features.items()):
            needs = {need for names in feature.requires.values() for need in names}
            for need in sorted(needs - self.capabilities.keys() - {NEVER}):
                yield f"{name}: requires '{need}', which no capability file defines"

    def unassumed(self, release: str) -> Iterator[str]:
        """Yield the configuration that features of *release* need and its platform leaves out."""
        assumed = self.catalogue.platform(f"{PREFIX}{release}").assumes
        for name in self.expected(release):
            for capability in self.required(self.features[name]):
                for symbol in capability.config:
                    if symbol not in assumed:
                        yield (
                            f"{PREFIX}{release}: does not assume CONFIG_{symbol}, "
                            f"which {capability.id} of {name} needs"
                        )

    def table(self, release: str, inherited: Values) -> str:
        """Return the [features] table of *release* where its parent lists *inherited*."""
        expected = self.expected(release)
        groups: dict[str, list[str]] = {}
        for name, value in expected.items():
            if inherited.get(name) != value:
                groups.setdefault(self.reason(name), []).append(f'"{name}" = {written(value)}')
        gone = [f'"{name}" = false' for name in sorted(inherited.keys() - expected.keys())]
        if gone:
            groups["# No longer honoured"] = gone
        if not groups:
            return f"{TABLE}\n# Nothing that a guest could see.\n"
        blocks = ["\n".join([reason, *lines]) for reason, lines in sorted(groups.items())]
        return f"{TABLE}\n" + "\n\n".join(blocks) + "\n"

    def reason(self, name: str) -> str:
        """Return the comment that says which capabilities bring the feature *name*, and when."""
        brought = self.brought_by(self.features[name])
        if not brought:
            return "# What only earlier editions took a kernel to decide"
        releases = sorted({entry.since or "" for entry in brought})
        return f"# {', '.join(entry.id for entry in brought)}: Linux {' '.join(releases)}"


def spelled(feature: Feature, listing: Listing | None, editions: Sequence[str]) -> Value | None:
    """Return *listing* in as few words as say the same of *feature* at each of *editions*."""
    values = {
        edition: None if listing is None else listing.at(edition_key(edition))
        for edition in editions
        if edition_key(feature.edition) <= edition_key(edition)
    }
    if len(set(values.values())) <= 1:
        return next(iter(values.values()), None)
    said: dict[str, str | bool] = {}
    before = None
    for edition, value in values.items():
        if value != before:
            said[edition] = False if value is None else value
        before = value
    return said


def written(value: Value) -> str:
    """Return *value* as TOML has it."""
    if isinstance(value, str):
        return f'"{value}"'
    pairs = (f'"{e}" = {"false" if v is False else written(str(v))}' for e, v in value.items())
    return f"{{ {', '.join(pairs)} }}"


def differences(definitions: Definitions) -> Iterator[str]:
    """Yield every way in which the platform files are not what the definitions imply."""
    yield from definitions.undefined()
    releases = definitions.releases()
    parent = ""
    for release in releases:
        platform = definitions.catalogue.platform(f"{PREFIX}{release}")
        found = platform.extends[0] if platform.extends else ""
        if found != parent:
            yield f"{platform.name}: expected to extend '{parent}', found '{found}'"
        parent = platform.name
        listed, expected = definitions.listed(release), definitions.expected(release)
        yield from _compare(platform.name, listed, expected)
    if releases:
        yield from definitions.unassumed(releases[-1])


def _compare(name: str, listed: Values, expected: Values) -> Iterator[str]:
    for feature in sorted(listed.keys() | expected.keys()):
        found, wanted = listed.get(feature), expected.get(feature)
        if found != wanted:
            yield f"{name}: {feature}: listed {_spell(found)}, expected {_spell(wanted)}"


def _spell(value: Value | None) -> str:
    return "nowhere" if value is None else f"as {written(value)}"


def rewrite(definitions: Definitions) -> Iterator[Path]:
    """Rewrite the [features] table of every upstream platform; yield the files that changed."""
    inherited: Values = {}
    for release in definitions.releases():
        file = definitions.file(release)
        before = file.read_text(encoding="utf-8")
        after = head(before) + definitions.table(release, inherited)
        if after != before:
            file.write_text(after, encoding="utf-8")
            yield file
        inherited = definitions.expected(release)


def head(text: str) -> str:
    """Return *text* up to its [features] table, ending in one blank line."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip() == TABLE:
            break
        lines.append(line)
    return "\n".join(lines).rstrip() + "\n\n"


def report(lines: Iterable[str]) -> int:
    """Print *lines* and return how many there were."""
    count = 0
    for line in lines:
        print(line, file=sys.stderr)
        count += 1
    return count


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or rewrite, as *arguments* say; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="say what differs, exit with 1")
    action.add_argument("--write", action="store_true", help="rewrite the [features] tables")
    parser.add_argument(
        "--definitions", type=Path, default=DEFINITIONS, help="folder of the definitions"
    )
    options = parser.parse_args(arguments)
    try:
        if options.write:
            for file in rewrite(Definitions(options.definitions)):
                print(file)
        return 1 if report(differences(Definitions(options.definitions))) else 0
    except PlatformAbiError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
