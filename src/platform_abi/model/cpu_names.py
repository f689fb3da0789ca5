"""What ``-cpu`` takes as the name of a model beside what a QEMU lists, and what it then refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class CpuNames:
    """How the QEMU of one architecture reads the name of a CPU model.

    *any_case*: large letters or small. *unlisted* are patterns, in small letters, of names that it
    takes and does not list. *called* has what a processor is called, in small letters, and the
    models of it: that is no name for ``-cpu``. *flags*: its properties are written as x86's flags
    are, ``+x``, ``-x`` and with dashes for underscores. *more_with* are the accelerators that add
    properties to CPUs, which a QEMU lists only where it runs with them. *default_with* has, by
    accelerator, the model of a machine of which nobody names one, where the accelerator chooses it.
    """

    arch: str
    any_case: bool = False
    flags: bool = False
    unlisted: tuple[str, ...] = ()
    more_with: tuple[str, ...] = ()
    default_with: Mapping[str, str] = field(factory=dict)
    called: Mapping[str, tuple[str, ...]] = field(factory=dict)


@frozen(kw_only=True)
class RefusedModels:
    """CPU models with which a QEMU that knows their names does not start.

    They are *models* of *arch*, an empty one of every one, but those of *but*: patterns as
    ``fnmatch`` reads them. With *unchanged* it is so only where no property of the CPU is given:
    what is lacking may have been turned off.
    """

    models: tuple[str, ...]
    accelerators: tuple[str, ...]
    reason: str
    source: str
    help: str
    arch: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    unchanged: bool = False

    def refuses(self, arch: str, accelerator: str, model: str, *, changed: bool) -> bool:
        """Return whether *model*, with properties of its own if *changed*, is refused."""
        return (
            accelerator in self.accelerators
            and (not self.arch or arch in self.arch)
            and is_one_of(model, self.models)
            and not is_one_of(model, self.but)
            and not (self.unchanged and changed)
        )


def is_one_of(name: str, patterns: Iterable[str]) -> bool:
    """Return whether *name* fits one of *patterns*."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
