"""The verb ``new``: a definition begun, where it is read from then on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime

from platform_abi.author import starting
from platform_abi.author.installing import completed
from platform_abi.cli.install import destination, put
from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import NewOptions
from platform_abi.errors import UsageError


def run(options: NewOptions) -> int:
    """Write the file, or what belongs at its end; say where it is and what it still lacks."""
    catalogue = load_catalogue()
    name = options.name
    if options.kind == "platform":
        begun = starting.new_platform(
            catalogue,
            name,
            extends=options.extends,
            levels=dict(_pairs("level", options.level, "SUBSYSTEM=X.Y")),
            title=options.title,
            lineage=options.lineage,
            released=_day(options.released),
            edition=options.edition,
        )
    elif options.kind == "feature":
        requires = _pairs("requires", options.requires, "BACKEND=CAPABILITY")
        begun = starting.new_feature(
            catalogue,
            name,
            properties=options.property,
            requires={backend: tuple(names.split(",")) for backend, names in requires},
            title=options.title,
            generation=options.generation,
            edition=options.edition,
            reference=options.reference,
        )
    elif options.kind == "capability":
        begun = starting.new_capability(
            catalogue,
            name,
            subsystem=options.subsystem,
            since=options.since,
            symbol=options.symbol,
            title=options.title,
            reference=options.reference,
        )
    else:
        begun = starting.new_mask(
            catalogue,
            name,
            platform=options.platform,
            reason=options.reason,
            today=datetime.now(UTC).date(),
        )
    folder = destination(options.output, system=False)
    text = completed(folder, begun)
    return put(folder, {begun.relative: text}, force=True, as_json=options.json)


def _pairs(option: str, texts: Iterable[str], example: str) -> Iterator[tuple[str, str]]:
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise UsageError(
                f"--{option} '{text[:60]}' is no KEY=VALUE",
                code="usage",
                help=f"as in --{option} {example}",
            )
        yield key, value


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--released '{text}' is no day", code="usage", help="as in --released 2026-11-28"
        ) from None
