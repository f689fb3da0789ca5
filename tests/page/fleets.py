"""Small fleets as the page of one takes them."""

from __future__ import annotations

from hypothesis import strategies as st

from platform_abi.page.data import Fleet
from tests.inventory.fleets import digest_of, locks, reports

Kinds = dict[str, int]

#: What names may not do: be read as HTML, as an address, or as something else than a name.
HOSTILE = (
    "</script><script>window.hit=1</script>",
    "<img src=x onerror='window.hit=1'>",
    "\"'><b>&lt;",
    "<!--",
    "a/b#c%2F?d",
    "__proto__",
    "\N{LINE SEPARATOR}\N{FULLWIDTH LATIN SMALL LETTER E}",
)

NAMES = st.text(min_size=1) | st.sampled_from(HOSTILE)
HOSTS = st.dictionaries(NAMES, st.integers(0, len(reports()) - 1), min_size=1, max_size=8)
VMS = st.dictionaries(NAMES, st.integers(0, len(locks()) - 1), min_size=1, max_size=5)


def fleet(hosts: Kinds, vms: Kinds) -> Fleet:
    """Return hosts and virtual machines by their names, each of the kind of that number."""
    return Fleet(
        hosts={name: digest_of(kind) for name, kind in hosts.items()},
        vms={name: locks()[kind][0] for name, kind in vms.items()},
        reports={digest_of(kind): reports()[kind] for kind in hosts.values()},
        abis={locks()[kind][0]: locks()[kind][2] for kind in vms.values()},
    )
