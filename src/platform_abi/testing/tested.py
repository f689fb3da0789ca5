"""A QEMU binary that tests are run against, as a build beside those that are shipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from platform_abi.author.audited import ask, catalogue_with
from platform_abi.author.promises import expected_build
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.model.value import field, frozen
from platform_abi.testing.shipped.line import DrawnLine

if TYPE_CHECKING:
    from hypothesis.vendor.pretty import RepresentationPrinter

#: What the binary is called among the builds of its catalogue.
_CALLED: Final = "under-test"

#: How long it may take to start, and to answer, by default, in seconds.
TIMEOUT: Final = 60.0


@frozen(kw_only=True)
class QemuUnderTest:
    """A *binary*, and a *catalogue* in which it is the build called *build*.

    *expected* is the shipped build that it is held to, and *machines* are the machine types that
    both of them have.
    """

    binary: str
    arch: str
    build: str
    expected: str
    machines: tuple[str, ...] = field(repr=False)
    catalogue: FileCatalogue = field(repr=False)

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """Let Hypothesis show which binary it is, and not all that it has."""
        del cycle
        printer.text(f"<{self.binary}, held to {self.expected}>")

    def has(self, line: DrawnLine) -> bool:
        """Return whether the binary has the machine type and every driver of *line*.

        A package may leave modules out: that breaks no promise to who has a machine without them.
        """
        types = self.catalogue.types(self.build, self.arch)
        drivers = (types.canonical(device.driver) for device in line.devices)
        return line.machine.name in self.machines and all(name in types for name in drivers)


@contextmanager
def under_test(
    catalogue: FileCatalogue, binary: str, *, against: str | None = None, timeout: float = TIMEOUT
) -> Iterator[QemuUnderTest]:
    """Yield what *binary* is held to: the build *against*, or the shipped one nearest to it.

    Its definitions are there for the time of the block. *timeout* bounds each answer of it.

    Raises HostError for what cannot be started or asked, UnknownNameError for no such build, and
    UsageError (``no-build``) where none of its version is known.
    """
    found = ask(catalogue, binary, _CALLED, timeout=timeout)
    expected = expected_build(catalogue, against, found.build)
    with catalogue_with(catalogue, [found]) as both:
        yield QemuUnderTest(
            binary=binary,
            arch=found.build.arch,
            build=found.build.name,
            expected=expected.name,
            machines=tuple(name for name in found.machines if name in expected.machines),
            catalogue=both,
        )
