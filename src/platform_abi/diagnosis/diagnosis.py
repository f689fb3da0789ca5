"""From messages of QEMU to what they mean: which feature, which kernel, what would have helped."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Sequence

from attrs import evolve

from platform_abi.diagnosis.error_lines import Line, read_lines
from platform_abi.diagnosis.lacking import (
    Lacking,
    lacking_feature,
    lacking_flag,
    platforms_without,
)
from platform_abi.diagnosis.masks import Reading, chosen_family, family_of, read_masks
from platform_abi.diagnosis.meanings import (
    MEANINGS,
    SILENT_MASKS,
    SILENT_MASKS_HELPS,
    UNDECIDED_BITS,
    Meaning,
    Side,
)
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import DeviceFamily
from platform_abi.model.names import feature_stem
from platform_abi.model.value import frozen


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
    """Every message of a text, each once, in the order in which they first appear."""

    findings: tuple[ExplainedMessage, ...] = ()

    @property
    def explained(self) -> bool:
        """Return whether anything in the text says why it failed."""
        return any(finding.explained for finding in self.findings)


def diagnose(catalogue: Catalogue, text: str, *, device: str | None = None) -> Diagnosis:
    """Return what the messages of QEMU and libvirt in *text* mean; all else in it is passed over.

    *device* is the driver whose feature bits are meant where no message names it. Raises
    UnknownNameError for a driver that no definition has, UsageError (``no-bits``) for one whose
    feature bits none describes, DefinitionError for a definition that is wrong.
    """
    family = None if device is None else chosen_family(catalogue, device)
    found: dict[tuple[object, ...], list[Line]] = {}
    lines = read_lines(text)
    caused = any(line.role in _CAUSES for line in lines)
    for block in _blocks(lines):
        if caused and all(line.role == "end" for line in block):
            continue  # it says nothing more, and in a log that is upside down it stands apart
        for line, section in _located(block):
            fields = () if _MEANINGS[line.code].together else tuple(sorted(line.fields.items()))
            found.setdefault((section, line.code, fields), []).append(line)
    findings = [
        _finding(catalogue, same, str(section), family) for (section, *_), same in found.items()
    ]
    return Diagnosis(findings=tuple(sorted(findings, key=lambda finding: finding.number)))


# --- which messages belong together ---------------------------------------------------------------


def _blocks(lines: Iterable[Line]) -> list[list[Line]]:
    """Split the messages where a migration is over: the line that says so is a block's last."""
    blocks: list[list[Line]] = [[]]
    over = 0
    for line in lines:
        if over and line.number != over:
            blocks.append([])
            over = 0
        blocks[-1].append(line)
        if line.role == "end":
            over = line.number
    return blocks


def _located(block: Sequence[Line]) -> list[tuple[Line, str]]:
    """Return each cause of a block with the section of the stream that it speaks of.

    QEMU names the section after the cause; a log whose newest line comes first has it before. A
    block without a cause is represented by what it has.
    """
    causes = [at for at, line in enumerate(block) if line.role in _CAUSES]
    places = [at for at, line in enumerate(block) if line.role == "place"]
    if not causes:
        return [(block[at], block[at].fields["section"]) for at in places[-1:]] or [
            (line, "") for line in block[:1]
        ]
    backwards = bool(places) and places[0] < causes[0] and places[-1] < causes[-1]
    return [
        (
            block[at],
            "" if block[at].role == "apart" else _section(block, at, places, backwards=backwards),
        )
        for at in causes
    ]


_CAUSES = frozenset({"cause", "apart"})


def _section(block: Sequence[Line], cause: int, places: Sequence[int], *, backwards: bool) -> str:
    own = block[cause].fields.get("section")
    if own:
        return own
    split = bisect(places, cause)
    if backwards:
        run = _run((places[at] for at in range(split - 1, -1, -1)), cause, -1)
    else:
        run = _run((places[at] for at in range(split, len(places))), cause, 1)
    if not run:
        run = list(places[split - 1 : split] or places[split : split + 1])
    # Of several places that one cause has, the outermost has the address on the bus.
    names = [block[at].fields["section"] for at in run]
    return next((name for name in names if "/" in name), names[-1] if names else "")


def _run(places: Iterable[int], cause: int, step: int) -> list[int]:
    """Return the places next to *cause* with no other message between them, or the nearest one."""
    run: list[int] = []
    for at in places:
        if run and at != run[-1] + step:
            break
        run.append(at)
        if abs(at - cause) != len(run):
            break
    return run


# --- what they mean ------------------------------------------------------------------------------

_MEANINGS = {meaning.code: meaning for meaning in MEANINGS}


class _Fields(dict[str, str]):
    """What a message says, for its meaning to be filled in with; what it leaves out is a dash."""

    def __missing__(self, key: str) -> str:
        return "-"


def _finding(
    catalogue: Catalogue, lines: Sequence[Line], section: str, device: DeviceFamily | None
) -> ExplainedMessage:
    """Return what *lines* mean, which say the same, or each one of many things of one kind."""
    line = lines[0]
    meaning = _MEANINGS[line.code]
    fields = _Fields(line.fields)
    plain = ExplainedMessage(
        code=line.code,
        number=line.number,
        count=len(lines),
        text=line.text,
        says=meaning.says.format_map(fields),
        helps=tuple(text.format_map(fields) for text in meaning.helps),
        side=meaning.side,
        explained=meaning.explains,
        section=section,
    )
    if "requested" in line.fields:
        named = _named(catalogue, section) or device or _stranger(section)
        return _of_masks(catalogue, plain, line, named)
    lacking = (*_features(catalogue, meaning), *_flags(catalogue, lines))
    named = _named(catalogue, section)
    family = named.name if named is not None else meaning.family
    return _with_remedies(catalogue, evolve(plain, family=family, lacking=lacking))


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


def _of_masks(
    catalogue: Catalogue, plain: ExplainedMessage, line: Line, family: DeviceFamily | None
) -> ExplainedMessage:
    requested, allowed = (int(line.fields[key], 16) for key in ("requested", "allowed"))
    first, *others = read_masks(catalogue, requested, allowed, family)
    found = evolve(
        plain,
        family=first.family,
        guessed=family is None,
        lacking=first.lacking,
        suspects=first.suspects,
        otherwise=tuple(others),
    )
    if not first.lacking:
        return evolve(found, says=SILENT_MASKS, helps=SILENT_MASKS_HELPS, explained=False)
    names = [item.name or f"bit {item.bit}" for item in first.lacking if not item.feature]
    if names:
        said = UNDECIDED_BITS.format(names=", ".join(names))
        found = evolve(found, helps=(*found.helps, said))
    return _with_remedies(catalogue, found)


def _features(catalogue: Catalogue, meaning: Meaning) -> list[Lacking]:
    """Return the features that a message is about, those of them that the catalogue has."""
    stems = dict.fromkeys(feature_stem(name) for name in meaning.features)
    return [
        lacking_feature(catalogue, feature)
        for stem in stems
        if stem in catalogue.feature_stems()
        for feature in catalogue.features(stem)
        if feature.id in meaning.features
    ]


def _flags(catalogue: Catalogue, lines: Iterable[Line]) -> list[Lacking]:
    """Return the CPU flags that messages name: one, or libvirt's list; a bit without a name."""
    words: dict[str, None] = {}
    for line in lines:
        fields = line.fields
        named = [fields.get("flag", ""), *fields.get("flags", "").split(",")]
        if not any(named) and "bit" in fields:
            named = [f"{fields['word']} [bit {fields['bit']}]"]
        words |= dict.fromkeys(named)
    return [lacking_flag(catalogue, word) for word in words if word]


def _with_remedies(catalogue: Catalogue, found: ExplainedMessage) -> ExplainedMessage:
    features = [item.feature for item in found.lacking if item.feature and item.argument]
    arguments = [
        word for item in found.lacking if item.argument for word in ("-global", item.argument)
    ]
    return evolve(
        found,
        platforms=tuple(platforms_without(catalogue, features).items()) if features else (),
        arguments=tuple(arguments),
    )
