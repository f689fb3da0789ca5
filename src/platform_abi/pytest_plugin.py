"""pytest's plugin: the shipped catalogue, and a QEMU build to hold it against.

pytest loads it wherever this package is installed: it imports nothing until a test asks for one of
its fixtures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.testing.tested import QemuUnderTest

#: The option that names the binary, and the fixture and mark of tests that need one.
_OPTION = "--platform-abi-qemu"
_NAME = "platform_abi_qemu"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that say what is tested."""
    group = parser.getgroup("platform-abi", "the guest ABI of a QEMU build")
    group.addoption(_OPTION, metavar="BINARY", help="the QEMU that tests are run against")
    group.addoption(
        "--platform-abi-against",
        metavar="BUILD",
        help="the shipped build that it is held to, else the nearest of its version",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", f"{_NAME}: needs the QEMU of {_OPTION}; set by the plugin")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a QEMU, so that ``-m`` chooses it."""
    for item in items:
        if _NAME in getattr(item, "fixturenames", ()):
            item.add_marker(_NAME)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which QEMU is tested."""
    binary = config.getoption(_OPTION)
    return [f"platform-abi: {binary}"] if binary else []


@pytest.fixture(scope="session")
def platform_abi_catalogue() -> FileCatalogue:
    """Return the packaged definitions, with those of this site."""
    from platform_abi.definitions.catalogue import load_catalogue

    return load_catalogue()


@pytest.fixture(scope="session")
def platform_abi_qemu(
    request: pytest.FixtureRequest, platform_abi_catalogue: FileCatalogue
) -> Iterator[QemuUnderTest]:
    """Return the QEMU that is tested; a test that asks is skipped where none was named."""
    binary = request.config.getoption(_OPTION)
    if not binary:
        pytest.skip(f"name a QEMU with {_OPTION} BINARY")
    from platform_abi.errors import PlatformAbiError
    from platform_abi.testing.tested import under_test

    against = request.config.getoption("--platform-abi-against")
    held = under_test(platform_abi_catalogue, binary, against=against)
    try:
        qemu = held.__enter__()
    except PlatformAbiError as error:
        pytest.fail(f"{_OPTION} {binary}: error[{error.code}]: {error}", pytrace=False)
    try:
        yield qemu
    finally:
        held.__exit__(None, None, None)
