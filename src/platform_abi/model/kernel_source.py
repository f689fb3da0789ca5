"""Where in a kernel's source each capability of a host is implemented."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from platform_abi.model.capability import Capability
from platform_abi.model.value import field, frozen

#: What stands between the symbols of a capability that takes several.
_BETWEEN = re.compile(r"[|,]\s*")


@frozen(kw_only=True)
class SourceRule:
    """How symbols of some capabilities are looked for.

    *files* are paths in the tree, with ``*`` in their last part: it is in one of them, or in one
    of *also*, which only some kernels have; *code* is a regular expression, with ``{symbol}`` and
    ``{name}`` for the symbol and what the ``*`` of its pattern stands for; *constants* are the
    headers that only define it, which proves nothing.
    """

    symbols: tuple[str, ...]
    files: tuple[str, ...]
    code: str
    #: Of capabilities of these subsystems only.
    subsystems: tuple[str, ...] = ()
    #: Of capabilities whose ids fit one of these patterns only; empty: any.
    capabilities: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()


@frozen(kw_only=True)
class SourceNames:
    """What the source calls the symbols of a capability that says another name itself."""

    id: str
    symbols: tuple[str, ...]


@frozen(kw_only=True)
class SourcePlace:
    """One symbol, the rule that is about it, and the expression to look for."""

    symbol: str
    rule: SourceRule
    pattern: str
    #: What is in every text that *pattern* fits; empty where nothing is.
    needle: str


@frozen(kw_only=True)
class KernelSources:
    """Everything in ``definitions/kernels/``."""

    rule: tuple[SourceRule, ...] = ()
    names: tuple[SourceNames, ...] = ()
    #: The lineage of platforms that are called as the release of an upstream kernel.
    upstream: str = ""
    #: Files that declare the options of a kernel's configuration.
    kconfig: tuple[str, ...] = ()
    #: By vendor the file in which its trees say their own release, and the variables of that.
    vendors: Mapping[str, tuple[str, ...]] = field(factory=dict)
    #: By what a kernel calls an architecture, what QEMU does.
    architectures: Mapping[str, tuple[str, ...]] = field(factory=dict)

    def places(self, capability: Capability) -> tuple[SourcePlace, ...]:
        """Return where each symbol of *capability* is; nothing where no source can tell all."""
        own = next((each.symbols for each in self.names if each.id == capability.id), None)
        symbols = own or tuple(filter(None, _BETWEEN.split(capability.symbol)))
        places = tuple(each for each in (self._place(capability, s) for s in symbols) if each)
        return places if len(places) == len(symbols) else ()

    def _place(self, capability: Capability, symbol: str) -> SourcePlace | None:
        for rule in self.rule:
            if rule.subsystems and capability.subsystem not in rule.subsystems:
                continue
            if rule.capabilities and not any(
                fnmatchcase(capability.id, pattern) for pattern in rule.capabilities
            ):
                continue
            for pattern in rule.symbols:
                if fnmatchcase(symbol, pattern):
                    name = _stands_for(symbol, pattern)
                    return SourcePlace(
                        symbol=symbol,
                        rule=rule,
                        pattern=rule.code.replace("{symbol}", re.escape(symbol)).replace(
                            "{name}", re.escape(name)
                        ),
                        needle=name if _NAMED.search(rule.code) else "",
                    )
        return None

    def files(self) -> Iterator[str]:
        """Yield every path that is to be read of a tree, some of them patterns."""
        for rule in self.rule:
            yield from rule.files
            yield from rule.also
            yield from rule.constants
        yield from self.kconfig
        yield from (file for file, *_ in self.vendors.values())


#: What of a rule's expression makes it fit a symbol's own text alone.
_NAMED = re.compile(r"\{(symbol|name)\}")


def _stands_for(symbol: str, pattern: str) -> str:
    before, _, after = pattern.partition("*")
    return symbol[len(before) : len(symbol) - len(after)] if "*" in pattern else symbol
