"""libvirt's own schema of a domain, where it is installed."""

from __future__ import annotations

import os
from pathlib import Path

#: Where libvirt puts its schemas (docs/schemas, virFileFindResource).
SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")


def schema_faults(text: str, schema: Path = SCHEMA) -> list[str]:
    """Return what libvirt's *schema* has against the domain *text*; nothing where there is none.

    It takes lxml to ask it, which is an extra of this package: without, nothing is found. The text
    has no document type, which ``read_xml`` refuses.
    """
    try:
        from lxml import etree
    except ImportError:
        return []
    if not os.access(schema, os.R_OK):
        return []
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    rules = etree.RelaxNG(etree.parse(os.fspath(schema)))
    document = etree.fromstring(text.encode("utf-8", "surrogateescape"), parser)
    if rules.validate(document):
        return []
    return [f"line {fault.line}: {fault.message}" for fault in rules.error_log]
