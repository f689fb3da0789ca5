"""Kinds of backend of which features say once what they need: the others follow from the first."""

from __future__ import annotations

from collections.abc import Mapping

from platform_abi.model.value import field, frozen

#: How the name of every group begins; no kind of backend is called so.
GROUP = "any-"


@frozen(kw_only=True)
class GroupMember:
    """A kind of backend of a group, and how its capabilities follow from those of the first one.

    *adds* are needed besides. *instead* has by the first word of a capability, what is before its
    dot, the word that stands there: ``tun.uso`` is ``macvtap.uso`` behind a macvtap.
    """

    backend: str
    adds: tuple[str, ...] = ()
    instead: Mapping[str, str] = field(factory=dict)

    def needs(self, capabilities: tuple[str, ...]) -> tuple[str, ...]:
        """Return what is needed behind it where the group needs *capabilities*."""
        own = []
        for name in capabilities:
            word, dot, rest = name.partition(".")
            own.append(f"{self.instead.get(word, word)}{dot}{rest}" if dot else name)
        return (*own, *(name for name in self.adds if name not in own))


@frozen(kw_only=True)
class BackendGroup:
    """Kinds of backend that features require of together, by the name of the group."""

    name: str
    source: str = ""
    member: tuple[GroupMember, ...] = ()

    def needs(self, capabilities: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Return by kind of backend what is needed where the group needs *capabilities*."""
        return {each.backend: each.needs(capabilities) for each in self.member}
