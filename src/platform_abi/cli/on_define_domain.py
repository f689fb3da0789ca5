"""The program ``platform-abi-on-define-domain``: KubeVirt's hook of that name.

KubeVirt runs a hook before it defines a domain, and takes what that prints as the domain
(cmd/sidecars/sidecar_shim.go, runOnDefineDomain, of KubeVirt 1.6). A virtual machine asks for its
platform by an annotation; one that does not stays as it is. Where this fails, the virtual machine
does not start, and the log of the sidecar says why.
"""

from __future__ import annotations

import argparse
import json
import sys

from platform_abi.cli.render import say, write_data
from platform_abi.errors import PlatformAbiError, UsageError, printable

#: What the names of a virtual machine's annotations begin with that are meant for this.
_PREFIX = "platform-abi.kubevirt.io/"

#: The platform, as --platform takes it; the QEMU build that machine types such as q35 are of; the
#: libvirt that reads the domain.
_PLATFORM, _BUILD, _LIBVIRT = "platform", "build", "libvirt"


def entry() -> int:
    """Print the domain with its platform; return the exit code."""
    options = parser_of_hook().parse_args()
    try:
        write_data(defined(options.vmi, options.domain))
    except PlatformAbiError as error:
        say(f"error[{error.code}]: {error}", to=sys.stderr)
        if error.help:
            say(f"help: {error.help}", to=sys.stderr)
        return error.exit_code
    return 0


def parser_of_hook() -> argparse.ArgumentParser:
    """Return the parser of what KubeVirt passes; the manual page is made of it as well."""
    parser = argparse.ArgumentParser(
        "platform-abi-on-define-domain", description="KubeVirt's hook onDefineDomain."
    )
    parser.add_argument("--vmi", required=True, metavar="JSON", help="the VirtualMachineInstance")
    parser.add_argument("--domain", required=True, metavar="XML", help="the domain")
    return parser


def defined(vmi: str, domain: str) -> str:
    """Return the *domain* XML with the platform that the annotations of *vmi*, JSON, ask for.

    Raises UsageError (``vmi-invalid``) for what is no VirtualMachineInstance, or has an annotation
    of ours that means nothing, and what resolving and writing raise.
    """
    asked = _asked(vmi)
    if _PLATFORM not in asked:
        return domain
    from platform_abi.cli.opened import load_catalogue
    from platform_abi.emit.domain_xml import domain_xml
    from platform_abi.resolver.resolve import resolve
    from platform_abi.source.domain_xml import from_domain_xml

    catalogue = load_catalogue()
    found = from_domain_xml(catalogue, domain, name="--domain", build=asked.get(_BUILD))
    abi = resolve(catalogue, found.vm, asked[_PLATFORM])
    version = asked.get(_LIBVIRT, "")
    return domain_xml(catalogue, domain, abi, found.elements, name="--domain", version=version).text


def _asked(vmi: str) -> dict[str, str]:
    """Return what annotations of ours say, by their names without what these begin with."""
    try:
        annotations = json.loads(vmi)["metadata"].get("annotations") or {}
        asked = {
            k.removeprefix(_PREFIX): v for k, v in annotations.items() if k.startswith(_PREFIX)
        }
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise UsageError(
            "--vmi: expected a VirtualMachineInstance as JSON", code="vmi-invalid"
        ) from None
    for name, value in asked.items():
        if name not in (_PLATFORM, _BUILD, _LIBVIRT) or not isinstance(value, str):
            raise UsageError(
                f"no such annotation: {printable(_PREFIX + name)}",
                code="vmi-invalid",
                help=f"{_PREFIX} is followed by {_PLATFORM}, {_BUILD} or {_LIBVIRT}",
            )
    if asked and _PLATFORM not in asked:
        raise UsageError(f"annotations without {_PREFIX}{_PLATFORM}", code="vmi-invalid")
    return asked
