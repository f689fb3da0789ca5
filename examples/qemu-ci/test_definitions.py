"""What definitions have to keep, without any QEMU: those that are shipped, and a site's with them.

``PLATFORM_ABI_PATH=our-definitions pytest test_definitions.py`` holds a new platform to it.
"""

from __future__ import annotations

from hypothesis import given, settings

import platform_abi as pa
from platform_abi.testing import shipped


@settings(deadline=None)
@given(lock=shipped.lockfiles())
def test_what_is_locked_is_read_again(
    platform_abi_catalogue: pa.FileCatalogue, lock: shipped.DrawnLock
) -> None:
    """A lockfile is read, and written again, without a difference."""
    again = pa.read_lock(lock.text, "drawn", catalogue=platform_abi_catalogue)
    assert pa.lockfile(platform_abi_catalogue, again) == lock.text


@settings(deadline=None)
@given(host=shipped.hosts())
def test_more_capabilities_never_support_fewer_platforms(
    platform_abi_catalogue: pa.FileCatalogue, host: pa.HostReport
) -> None:
    """What a host supports, a host supports that has everything besides."""
    catalogue = platform_abi_catalogue
    every = dict.fromkeys(catalogue.capabilities(), pa.Fact(state="present", source="ioctl"))
    better = pa.HostReport(facts=every, system=host.system, release=host.release, arch=host.arch)
    assert _supported(catalogue, host) <= _supported(catalogue, better)


def _supported(catalogue: pa.FileCatalogue, host: pa.HostReport) -> set[str]:
    return {v.name for v in pa.query_platforms(catalogue, host) if v.supported == "yes"}
