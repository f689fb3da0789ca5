"""``options/*.toml``: what there is to know of the options of QEMU's command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field

from platform_abi.definitions.checks import Fault
from platform_abi.definitions.reading import Reader
from platform_abi.model.option_table import Address, OptionBoard, OptionDevice, OptionTable
from platform_abi.model.value import frozen

#: An abbreviation stands for an option, or for an option and its value.
_ALIAS_WORDS = 2


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    argument: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    accelerator: str = ""
    machine_suffix: tuple[str, ...] = ()
    accelerator_of_programs: Mapping[str, str] = field(factory=dict)
    alias: Mapping[str, tuple[str, ...]] = field(factory=dict)
    nic_models: Mapping[str, str] = field(factory=dict)
    default_nics: Mapping[str, Mapping[str, str]] = field(factory=dict)
    device: tuple[OptionDevice, ...] = ()
    unseen: Mapping[str, tuple[str, ...]] = field(factory=dict)
    seen_on: Mapping[str, tuple[str, ...]] = field(factory=dict)
    machine_option: Mapping[str, str] = field(factory=dict)
    files: Mapping[str, tuple[str, ...]] = field(factory=dict)
    drive: Mapping[str, str] = field(factory=dict)
    section: Mapping[str, str] = field(factory=dict)
    address: Mapping[str, Address] = field(factory=dict)
    cores_since: str = ""
    board: tuple[OptionBoard, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for index, name in enumerate(self.plain):
            if name in self.argument:
                yield ("plain", index), f"'{name}' takes an argument or takes none, not both"
        for key, names in (("argument", self.argument), ("plain", self.plain)):
            for index, name in enumerate(names):
                if name.startswith("-"):
                    yield (key, index), "expected a name without dashes"
        for name, words in self.alias.items():
            if not 0 < len(words) <= _ALIAS_WORDS:
                yield ("alias", name), "expected an option, and a value for one that takes none"
        for index, entry in enumerate(self.device):
            if self.argument and entry.option not in self.argument:
                message = "expected an option of this file with an argument"
                yield ("device", index, "option"), message


_TABLES = ("unseen", "seen_on", "machine_option", "files", "drive", "section", "address")


def merged(reader: Reader) -> OptionTable:
    """Return what all files say of QEMU's own options."""
    documents = [document for document, _ in reader.every(Document, "options")]
    return OptionTable(
        argument=frozenset(name for document in documents for name in document.argument),
        plain=frozenset(name for document in documents for name in document.plain),
        accelerator=next((each.accelerator for each in documents if each.accelerator), ""),
        machine_suffixes=tuple(each for document in documents for each in document.machine_suffix),
        accelerator_of_programs={
            ending: name
            for document in documents
            for ending, name in document.accelerator_of_programs.items()
        },
        alias={name: words for document in documents for name, words in document.alias.items()},
        nic_models={k: v for document in documents for k, v in document.nic_models.items()},
        default_nics={k: v for document in documents for k, v in document.default_nics.items()},
        devices=tuple(entry for document in documents for entry in document.device),
        cores_since=next((each.cores_since for each in documents if each.cores_since), ""),
        boards=tuple(entry for document in documents for entry in document.board),
        **{
            name: {k: v for document in documents for k, v in getattr(document, name).items()}
            for name in _TABLES
        },
    )
