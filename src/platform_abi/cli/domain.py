"""``resolve --format libvirt``: a domain's XML again, with its platform in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.cli.options import ResolveOptions
from platform_abi.cli.render import note
from platform_abi.cli.sources import read
from platform_abi.cli.vm import check_alone, platform_of
from platform_abi.emit.domain_xml import domain_xml
from platform_abi.errors import UsageError, first_of, printable
from platform_abi.model.abi import GuestAbi
from platform_abi.resolver.resolve import resolve
from platform_abi.source.domain_schema import schema_faults

if TYPE_CHECKING:
    from platform_abi.definitions.catalogue import FileCatalogue

#: So many of the faults that a schema finds are told.
_SHOWN = 3


def resolved_domain(catalogue: FileCatalogue, options: ResolveOptions) -> tuple[GuestAbi, str]:
    """Return the ABI of the domain that *options* name, and its XML with that.

    Raises UsageError (``usage``) where they name no domain XML, what ``domain_xml`` raises, and
    (``libvirt-schema``) where the schema of the libvirt that is installed takes the domain, and
    would not take it with its platform.
    """
    if options.json or options.from_lock is not None or options.vm is None or options.words:
        raise UsageError(
            "--format libvirt is for the domain of a source, and gives its XML",
            code="usage",
            help="platform-abi resolve vm.xml --platform linux-6.9 --format libvirt",
        )
    check_alone(options, "a source")
    found = read(catalogue, options.vm, arch=options.arch, build=options.build)
    if isinstance(found, GuestAbi) or not found.domain:
        raise UsageError(
            f"{printable(options.vm)} is no domain of libvirt's, whose XML could be given",
            code="usage",
            help="a file as 'virsh dumpxml' prints it, or virsh:NAME",
        )
    abi = resolve(catalogue, found.vm, platform_of(options, found.platform), strict=options.strict)
    made = domain_xml(
        catalogue,
        found.domain,
        abi,
        found.elements,
        name=options.vm,
        version=options.libvirt or "",
    )
    _check(found.domain, made.text)
    return abi, made.text


def _check(before: str, after: str) -> None:
    """Hold a domain to the schema of the libvirt that is installed, where one is."""
    faults = schema_faults(after)
    if not faults:
        return
    told = first_of(faults, _SHOWN)
    if schema_faults(before):
        note("note", f"the schema of the libvirt here does not take this domain as it is: {told}")
        return
    raise UsageError(
        f"the schema of the libvirt here does not take the domain with its platform: {told}",
        code="libvirt-schema",
        help="name the libvirt that is to read it: --libvirt VERSION",
    )
