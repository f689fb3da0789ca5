"""The devices that are looked at, as they are shipped."""

from __future__ import annotations

import platform_abi as pa
from platform_abi.model.guest import GuestDevices
from tests.conftest import DEFINITIONS

ARCH = "x86_64"


def _shipped() -> GuestDevices:
    """Return what is looked at in an x86_64 machine."""
    found = pa.FileCatalogue([DEFINITIONS]).guest_devices(ARCH)
    assert found is not None
    return found


SHIPPED = _shipped()
