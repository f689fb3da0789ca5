"""Features: guest-visible behaviour whose default QEMU derives from the host."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from typing import Literal

from platform_abi.model.names import driver_and_property
from platform_abi.model.platform import edition_key, said_before
from platform_abi.model.reference import Reference
from platform_abi.model.value import evolve, field, field_names, frozen

Kind = Literal["setting", "precondition", "guard", "unpinnable"]
ValueType = Literal["bool", "enum", "int", "size", "string"]
#: What a migration does where hosts differ in what nobody pins. *between-pools* is a silent change
#: too, of what the hosts of a pool share as a rule, as they do the vendor of their processors.
Migration = Literal["breaks", "silent-change", "between-pools", "safe"]

#: What QEMU would read as "let the host decide"; never a value of a definition.
UNDECIDED = frozenset({"auto", "host", "max", ""})

#: The backend name that stands for every backend not listed by its own name.
ANY_BACKEND = "*"

#: What a backend needs that cannot carry a feature although ``*`` stands for the rest.
NEVER = "never"


@frozen(kw_only=True)
class Near:
    """A number that a user asks for and a host has by itself, within *ppm* parts in a million.

    *property* is the user's, *number* that of a host report, *unit* what it counts: 1000 where the
    user says Hz and the report kHz.
    """

    property: str
    number: str
    unit: int = 1
    ppm: int = 0


@frozen(kw_only=True)
class Registers:
    """A set of registers that a KVM shows, and which values of another host it takes.

    A stream carries every register of *listed*, a set of a host report, with its value; the value
    of one is the report's word called *values* and the register. It has to be the same, but for
    the *fields* of four bits that a KVM lets user space lower (the mask that is called *writable*
    and the register), for the *numbers* that it takes from 0 up to its own, and for the *bits* of
    which it takes any that it has. A QEMU since *tolerant-since* does without those of *tolerated*,
    and without those of *tolerated-zero* where they are 0.

    Where a set is *mutual*, the stream does not carry it: a guest has what each host shows. Only
    the registers of *only* count then, one that is not there is one of 0, and one that the
    destination has more is a difference as well. *switches* are properties of the CPU that are off
    where their register is 0: what the user turns off is 0 on every host that lets it be written.

    Registers are named by patterns (fnmatch), but for those of *switches*.
    """

    listed: str
    values: str
    writable: str = ""
    fields: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    bits: tuple[str, ...] = ()
    tolerated: tuple[str, ...] = ()
    tolerated_zero: tuple[str, ...] = ()
    tolerant_since: str = ""
    mutual: bool = False
    only: tuple[str, ...] = ()
    switches: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class FeatureBefore:
    """What editions before a correction say otherwise of a feature; None where they do not.

    It is what a resolution depends on, so that older editions go on meaning what they meant; what
    is for people to read is as the newest edition has it. *why* says what was wrong.
    """

    why: str
    kind: Kind | None = None
    generation: str | None = None
    until: str | None = None
    arch: tuple[str, ...] | None = None
    accelerators: tuple[str, ...] | None = None
    machines: tuple[str, ...] | None = None
    cpus: tuple[str, ...] | None = None
    not_cpus: tuple[str, ...] | None = None
    drivers: tuple[str, ...] | None = None
    when: tuple[str, ...] | None = None
    unless: tuple[str, ...] | None = None
    fallback: str | None = None
    when_supported: str | None = None
    opt_in: bool | None = None
    properties: tuple[str, ...] | None = None
    requires: Mapping[str, tuple[str, ...]] | None = None


@lru_cache(maxsize=4096)
def _drives(properties: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(map(driver_and_property, properties))


@frozen(kw_only=True)
class Feature:
    """One guest-visible behaviour that a host would decide if nobody pinned it.

    A *setting* drives properties. A *precondition* has none: it only requires something of the
    host. A *guard* is a setting that makes QEMU refuse instead of degrade. An *unpinnable* has no
    constant that is right everywhere: it needs an explicit value and *pin* says which.
    """

    id: str
    title: str
    edition: str
    kind: Kind = "setting"
    #: First machine-type generation (a QEMU release) whose default follows the host.
    generation: str | None = None
    #: First machine-type generation whose default no longer does.
    until: str | None = None
    arch: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ()
    #: Machine-type families (``pc-q35``) that have it; empty: all.
    machines: tuple[str, ...] = ()
    #: CPU models that have it; empty: all.
    cpus: tuple[str, ...] = ()
    #: CPU models that do not have it.
    not_cpus: tuple[str, ...] = ()
    #: Properties, ``property=value``, any one of which brings the feature about: as the user writes
    #: them, or where nobody did, the platform.
    when: tuple[str, ...] = ()
    #: Properties any one of which takes it away, likewise.
    unless: tuple[str, ...] = ()
    #: Device drivers that have it; empty: every driver of the family.
    drivers: tuple[str, ...] = ()
    type: ValueType = "bool"
    values: tuple[str, ...] = ()
    fallback: str = "off"
    #: What QEMU itself chooses on a capable host.
    when_supported: str | None = None
    #: QEMU never turns it on by itself on any host, so "off" needs no argument.
    opt_in: bool = False
    #: ``driver.property``, each; ``machine.option`` is an option of ``-machine``.
    properties: tuple[str, ...] = ()
    #: Host capabilities by backend; a backend that is not listed cannot carry the feature.
    requires: Mapping[str, tuple[str, ...]] = field(factory=lambda: {ANY_BACKEND: ()})
    migration: Migration = "breaks"
    pin: str = ""
    #: Values of a host report that decide it where nobody pins it: two hosts that share them agree.
    decided_by: tuple[str, ...] = ()
    #: Masks among them of which another host may have more bits than the first.
    inclusive: tuple[str, ...] = ()
    #: Registers that decide it besides, and that a host can have more of than another.
    registers: Registers | None = None
    #: What does instead of the capabilities: a host that has the user's number already.
    near: Near | None = None
    #: Known host-dependent places of QEMU that this feature answers for.
    examines: tuple[str, ...] = ()
    note: str = ""
    reference: tuple[Reference, ...] = ()
    #: What was corrected since the edition that brought it, by the edition that did.
    before: Mapping[str, FeatureBefore] = field(factory=dict)

    def at(self, edition: tuple[int, ...]) -> Feature | None:
        """Return the feature as *edition* has it, or None where a later one brought it."""
        if edition_key(self.edition) > edition:
            return None
        if not self.before:
            return self
        otherwise = {
            key: value
            for said in said_before(self.before, edition)
            for key in field_names(FeatureBefore)
            if key != "why" and (value := getattr(said, key)) is not None
        }
        return evolve(self, **otherwise) if otherwise else self

    @property
    def drives(self) -> tuple[tuple[str, str], ...]:
        """Return driver and name of each property."""
        return _drives(self.properties)

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Return every host capability that it needs behind some backend, each once."""
        return tuple(dict.fromkeys(chain.from_iterable(self.requires.values())))

    def needs(self, backend: str) -> tuple[str, ...] | None:
        """Return the host capabilities needed behind *backend*, or None if it cannot carry this."""
        found = self.requires.get(backend)
        if found is None:
            found = self.requires.get(ANY_BACKEND)
        return None if found is None or NEVER in found else found

    def demands(self, value: str) -> bool:
        """Return whether *value* asks something of the host at all."""
        return value != "off" if self.type == "bool" else value != self.fallback

    def problem(self, value: str) -> str | None:
        """Return why *value* is none for this feature, or None if it is one."""
        if value in UNDECIDED:
            return f"'{value}' leaves the value to the host; write a concrete one"
        plain = value.isascii() and value.isprintable()
        if not plain and any(ord(char) < 32 or ord(char) == 127 for char in value):  # noqa: PLR2004 - ASCII
            return "a value has no control characters"
        words = {"bool": ("on", "off"), "enum": self.values}.get(self.type)
        if words is not None and value not in words:
            return f"expected one of {', '.join(words)}; found '{value}'"
        if self.type in ("int", "size") and not (value.isascii() and value.isdigit()):
            return f"expected a number, found '{value}'"
        return None
