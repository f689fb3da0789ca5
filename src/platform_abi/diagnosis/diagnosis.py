"""From messages of QEMU to what they mean: which feature, which kernel, what would have helped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from platform_abi.diagnosis.blocks import CAUSE, END, SIGN, told
from platform_abi.diagnosis.error_lines import Line, by_trigger, matches, read_lines
from platform_abi.diagnosis.lacking import (
    Lacking,
    lacking_feature,
    lacking_flag,
    platforms_without,
)
from platform_abi.diagnosis.masks import (
    ALL_BITS,
    Reading,
    chosen_family,
    family_of,
    read_masks,
)
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import DeviceFamily
from platform_abi.model.message import Message, MessageCase, MessageTable, Severity, Side
from platform_abi.model.names import feature_stem
from platform_abi.model.value import define, evolve, field, frozen

#: So many different messages are explained, and so many of one that names one of many things.
_MOST = 1000


@frozen(kw_only=True)
class ExplainedMessage:
    """One message, explained as far as it goes.

    *side* says which host the message speaks of. *arguments* are for the start of the source, ready
    for exec; *platforms* has, by lineage, the newest platform with which QEMU would not have turned
    on what is lacking.
    """

    code: str
    #: The line that it stands on first, and how often it is there.
    number: int
    count: int
    text: str
    says: str
    helps: tuple[str, ...]
    side: Side
    explained: bool
    severity: Severity = "error"
    #: It is about what stands behind a device, not about the device.
    backend: bool = False
    #: The section of the migration stream, as QEMU calls the device; empty where nothing says it.
    section: str = ""
    #: The device family; empty where nothing says it.
    family: str = ""
    #: Nothing names the device: *family* is the likeliest of those that have such bits.
    guessed: bool = False
    lacking: tuple[Lacking, ...] = ()
    #: Where the message hides what is lacking: it is among these.
    suspects: tuple[Lacking, ...] = ()
    platforms: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()
    #: What the message means if another kind of device printed it, the likeliest first.
    otherwise: tuple[Reading, ...] = ()


@frozen(kw_only=True)
class Diagnosis:
    """Every message of a text, each once: errors in their order, then warnings in theirs.

    *more* is how many messages were left out, where a text has very many different ones.
    """

    findings: tuple[ExplainedMessage, ...] = ()
    more: int = 0

    @property
    def explained(self) -> bool:
        """Return whether anything in the text says why it failed; no warning does for an error."""
        errors = [finding for finding in self.findings if finding.severity == "error"]
        return any(finding.explained for finding in errors or self.findings)


def diagnose(
    catalogue: Catalogue, text: str | Iterable[str], *, device: str | None = None
) -> Diagnosis:
    """Return what the messages of QEMU and libvirt in *text* mean; all else in it is passed over.

    *text* may come in pieces, of which no more than one or two are held at a time. *device* is the
    driver whose feature bits are meant where no message names it. Raises UnknownNameError for a
    driver that no definition has, UsageError (``no-bits``) for one whose feature bits none
    describes, DefinitionError for a definition that is wrong.
    """
    family = None if device is None else chosen_family(catalogue, device)
    table = catalogue.messages()
    messages = {message.code: message for message in table.messages}
    gathered = _Gathered(messages)
    for failure in told(messages, read_lines(by_trigger(table), text)):
        for line, section in failure.lines:
            gathered.add(line, section, failure.strength)
    kept = gathered.kept()
    codes = {same.line.code for same in kept}
    findings = [
        evolve(_Explainer(catalogue, table, same).finding(family), severity=severity)
        for same in kept
        for severity in [_severity(messages[same.line.code], codes)]
    ]
    findings.sort(key=lambda finding: (finding.severity != "error", finding.number))
    return Diagnosis(findings=tuple(findings), more=gathered.more)


def _severity(message: Message, codes: set[str]) -> Severity:
    return "error" if codes.intersection(message.grave_with) else message.severity


# --- the same said several times ------------------------------------------------------------------


@define(kw_only=True, eq=False)
class _Same:
    """Messages that say the same, or each one of many things of one kind."""

    line: Line
    section: str
    strength: int
    count: int = 0
    #: One for each thing that they name.
    lines: dict[tuple[tuple[str, str], ...], Line] = field(factory=dict)


class _Gathered:
    """Every different message of a text, with a limit to how many."""

    def __init__(self, messages: Mapping[str, Message]) -> None:
        self._messages = messages
        self._same: dict[tuple[object, ...], _Same] = {}
        self._strongest = SIGN
        self.more = 0

    def add(self, line: Line, section: str, strength: int) -> None:
        """Add a *line* of a failure that says so much."""
        fields = tuple(sorted(line.fields.items()))
        together = self._messages[line.code].together
        key = (section, line.code, () if together else fields, min(strength, END + 1))
        same = self._same.get(key)
        if same is None:
            if len(self._same) >= _MOST:
                self.more += 1
                return
            same = self._same[key] = _Same(line=line, section=section, strength=strength)
        same.count += 1
        if len(same.lines) < _MOST:
            same.lines.setdefault(fields, line)
        self._strongest = max(self._strongest, strength)

    def kept(self) -> list[_Same]:
        """Return what says something: that it is over says nothing where there is a cause."""
        return [
            same
            for same in self._same.values()
            if same.strength > END
            or (same.strength == END and self._strongest < CAUSE)
            or self._strongest == SIGN
        ]


# --- what they mean ------------------------------------------------------------------------------


class _Fields(dict[str, str]):
    """What a message says, for its meaning to be filled in with; what it leaves out is a dash."""

    def __missing__(self, key: str) -> str:
        return "-"


class _Explainer:
    """Explains messages that say the same, or each one of many things of one kind."""

    def __init__(self, catalogue: Catalogue, table: MessageTable, same: _Same) -> None:
        self._catalogue = catalogue
        self._table = table
        self._same = same
        self._message = next(m for m in table.messages if m.code == same.line.code)
        self._named = _named(catalogue, same.section)
        self._fields = _Fields(self._message.words)
        self._fields |= same.line.fields
        self._fields |= {"section": same.section or same.line.fields.get("section", "")}
        if "requested" in self._fields:
            self._fields["missing"] = f"{_missing(self._fields):x}"
        self._case = self._chosen_case()
        self._fields |= self._case.words

    def _chosen_case(self) -> MessageCase:
        """Return the first case of the message that fits; one that changes nothing if none does."""
        section = self._fields["section"].rpartition("/")[2]
        told = self._fields | {"device": self._named.name if self._named else section}
        for case in self._message.case:
            if case.within_ppm and not _within(told, case.within_ppm):
                continue
            if all(matches(told.get(name, ""), wanted) for name, wanted in case.when.items()):
                return case
        return MessageCase()

    def finding(self, device: DeviceFamily | None) -> ExplainedMessage:
        """Return what they mean; *device* is the family that is meant where nothing names one."""
        line, message, case = self._same.line, self._message, self._case
        explained = message.explains if case.explains is None else case.explains
        plain = ExplainedMessage(
            code=line.code,
            number=line.number,
            count=self._same.count,
            text=line.text,
            says=self._filled(message.says if case.says is None else case.says),
            helps=self._helps(explained=explained),
            side=case.side or message.side,
            explained=explained,
            backend=case.backend,
            section=self._same.section,
        )
        if "requested" in self._fields:
            family = self._named or device or _stranger(self._same.section)
            return self._of_masks(plain, family)
        features = message.features if case.features is None else case.features
        lacking = (*self._features(features), *self._flags())
        suspects = tuple(lacking_flag(self._catalogue, name) for name in case.flags)
        name = self._named.name if self._named is not None else message.family
        finding = evolve(plain, family=name, lacking=lacking, suspects=suspects)
        return _with_remedies(self._catalogue, finding)

    def _filled(self, text: str) -> str:
        return text.format_map(self._fields)

    def _helps(self, *, explained: bool) -> tuple[str, ...]:
        helps = self._message.helps if self._case.helps is None else self._case.helps
        told = [self._table.sentences[text[1:]] if text.startswith("@") else text for text in helps]
        log = self._message.log if self._case.log is None else self._case.log
        if log and not explained:
            told.append(self._table.logs[log])
        return tuple(self._filled(text) for text in told)

    def _of_masks(self, plain: ExplainedMessage, family: DeviceFamily | None) -> ExplainedMessage:
        requested, allowed = (int(self._fields[key], 16) for key in ("requested", "allowed"))
        first, *others = read_masks(self._catalogue, requested, allowed, family)
        finding = evolve(
            plain,
            family=first.family,
            guessed=family is None,
            lacking=first.lacking,
            suspects=first.suspects,
            otherwise=tuple(others),
        )
        names = [item.name or f"bit {item.bit}" for item in first.lacking if not item.feature]
        if names:
            undecided = self._table.sentences["undecided-bits"].format(names=", ".join(names))
            finding = evolve(finding, helps=(*finding.helps, undecided))
        return _with_remedies(self._catalogue, finding)

    def _features(self, ids: Iterable[str]) -> list[Lacking]:
        """Return the features that a message is about, those of them that the catalogue has."""
        wanted = frozenset(ids)
        stems = dict.fromkeys(feature_stem(name) for name in ids)
        return [
            lacking_feature(self._catalogue, feature)
            for stem in stems
            if stem in self._catalogue.feature_stems()
            for feature in self._catalogue.features(stem)
            if feature.id in wanted
        ]

    def _flags(self) -> list[Lacking]:
        """Return the CPU flags that the messages name: one, or a list; a bit without a name."""
        words: dict[str, None] = {}
        for line in self._same.lines.values():
            fields = line.fields
            named = [fields.get("flag", ""), *fields.get("flags", "").replace(",", " ").split()]
            if not any(named) and "bit" in fields:
                named = [f"{fields['word']} [bit {fields['bit']}]"]
            words |= dict.fromkeys(named)
        return [lacking_flag(self._catalogue, word) for word in words if word]


def _missing(fields: Mapping[str, str]) -> int:
    """Return the feature bits that the guest uses and the destination does not offer."""
    return int(fields["requested"], 16) & ~int(fields["allowed"], 16) & ALL_BITS


def _within(fields: Mapping[str, str], ppm: int) -> bool:
    """Return whether source and destination differ by at most *ppm* millionths."""
    source, here = (int(fields[key]) for key in ("source", "here"))
    return abs(source - here) * 1_000_000 <= ppm * here


def _named(catalogue: Catalogue, section: str) -> DeviceFamily | None:
    """Return the family of a section such as ``0000:00:05.0/virtio-net``, if one is known."""
    name = section.rpartition("/")[2]
    for family in catalogue.devices().families:
        if name and name in family.sections:
            return family
    return family_of(catalogue, name) if name else None


def _stranger(section: str) -> DeviceFamily | None:
    """Return a family for a device that no definition has: only what all have is known of it."""
    name = section.rpartition("/")[2]
    return DeviceFamily(name=name, driver="") if name else None


def _with_remedies(catalogue: Catalogue, finding: ExplainedMessage) -> ExplainedMessage:
    features = [item.feature for item in finding.lacking if item.feature and item.argument]
    arguments = [
        word for item in finding.lacking if item.argument for word in ("-global", item.argument)
    ]
    return evolve(
        finding,
        platforms=tuple(platforms_without(catalogue, features).items()) if features else (),
        arguments=tuple(arguments),
    )
