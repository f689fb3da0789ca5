"""Texts that describe a virtual machine: a command line, a domain XML, Proxmox VE's files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from platform_abi.errors import HostError, printable
from platform_abi.launch.configuration_files import ConfigurationFiles
from platform_abi.launch.host_files import ThisHostFiles
from platform_abi.model.value import evolve
from platform_abi.source.domain_xml import from_domain_xml
from platform_abi.source.qm import from_qm
from platform_abi.source.reading import KnownBesides, VmReading
from platform_abi.source.words import from_command_line

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.source.kinds import Kind


def read_command_line(
    catalogue: Catalogue,
    text: str | tuple[str, ...],
    aliases: Mapping[str, str] = MappingProxyType({}),
    *,
    arch: str | None,
    build: str | None,
) -> VmReading:
    """Return what a command line describes; the rest is as in ``from_command_line``."""
    files = _Configurations(catalogue)
    besides = _besides(files, build)
    besides["aliases"] = aliases
    read = from_command_line(catalogue, text, arch=arch, **besides)
    return evolve(read, remarks=(*read.remarks, *files.taken))


def read_text(
    catalogue: Catalogue, text: str, kind: Kind, name: str, *, arch: str | None, build: str | None
) -> VmReading:
    """Return what a text of some *kind*, which is no lockfile, describes; *name* is for errors."""
    if kind == "command-line":
        return read_command_line(catalogue, text, arch=arch, build=build)
    read = from_domain_xml if kind == "domain-xml" else from_qm
    files = _Configurations(catalogue)
    found = read(catalogue, text, name=name, arch=arch, **_besides(files, build))
    return evolve(found, remarks=(*found.remarks, *files.taken))


def _besides(files: _Configurations, build: str | None) -> KnownBesides:
    return {"build": build, "read_file": files.read, "files": ThisHostFiles()}


class _Configurations:
    """Files of ``-readconfig``: read, or known by their name, of which *taken* says so.

    What is described elsewhere may well name files that are not here, which QEMU would refuse.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._known = catalogue.domains().qm_configurations
        self._options = catalogue.options()
        self._files = ConfigurationFiles()
        self.taken: list[str] = []

    def read(self, name: str) -> str | None:
        """Return the text of the file *name*, None where nobody can tell."""
        try:
            return self._files.read(name)
        except HostError:
            devices = self._known.get(os.path.basename(name))  # noqa: PTH119 - start-up time
        if devices is None:
            return None
        self.taken.append(f"{printable(name)} is not here: taken as Proxmox VE ships it")
        return "".join(map(self._section, devices))

    def _section(self, device: str) -> str:
        pairs = dict(self._options.pairs("device", device))
        said = "".join(f'{key} = "{value}"\n' for key, value in pairs.items() if key != "id")
        return f'[device "{pairs["id"]}"]\n{said}'
