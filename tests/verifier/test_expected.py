"""What a lockfile promises, in the build that runs."""

from __future__ import annotations

from attrs import evolve

import platform_abi as pa
from platform_abi.resolver.machine_choice import nearest_build
from tests.verifier.recorded_machine import (
    bare,
    promised,
    resolved,
)
from tests.verifier.test_verify import judged


def test_the_nearest_build_is_of_the_same_release(catalogue: pa.FileCatalogue) -> None:
    """A distribution's later point release is compared with what is known of the release."""
    abi = resolved(catalogue)
    vm = evolve(bare(catalogue, abi), version="10.0.99", package="Debian 1:10.0.99+ds-1")
    build = nearest_build(catalogue, "pc-q35-9.1", vm.arch, vm.version, vm.package)
    assert build is not None
    assert build.name == "qemu-10.0.13"
    assert judged(catalogue, abi, promised(catalogue, abi, vm)).status == "ok"
