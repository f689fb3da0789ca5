"""What a QEMU has on this host: the CPU models that KVM runs here, flag for flag, and its drivers.

Definitions say what a build can have. Which models it runs here follows from the CPU as well, and
which drivers are here from the modules of QEMU's that are installed beside it.
"""

from __future__ import annotations

from platform_abi.qemu.stdio_qmp import Qmp, QmpError

# As in ``netdevs``.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from platform_abi.model.host import HostReport

#: Without KVM it still says which drivers it has. TCG may be a module that is not installed.
_ARGUMENTS = (
    *("-machine", "none", "-accel", "kvm", "-accel", "tcg", "-accel", "qtest"),
    *("-nodefaults", "-no-user-config"),
)

#: Models that have what QEMU knows of the host's CPU.
_OF_THE_HOST = ("host", "max")

#: The type that all are of that ``-device`` makes (hw/core/qdev.h, TYPE_DEVICE).
_DRIVER = "device"

#: Properties that are on and no flags: how QEMU goes about something. What of them differs between
#: two builds, the content of the machine type tells.
_KNOB, _AUTOMATIC = "x-", "-auto-level"


class QemuHere:
    """A *binary* that is asked for what it has here, from the beginning of a block to its end.

    Entering waits for nothing, and raises HostError as that of ``NetdevQuestions`` does.
    """

    def __init__(self, binary: str) -> None:
        self._qmp = Qmp(binary, _ARGUMENTS)

    def __enter__(self) -> Self:
        self._qmp.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._qmp.__exit__()

    def answer(self, timeout: float, *, models: bool = True, drivers: bool = False) -> HostReport:
        """Return what ``ask_qemu_here`` does, of a start and answers of *timeout* seconds each."""
        from platform_abi.model.host import HostReport

        try:
            self._qmp.greet(timeout)
            sets = self._models() if models else {}
            if drivers:
                sets.update(self._drivers())
        except QmpError as error:
            if error.code == "qemu-timeout":
                raise
            return HostReport()
        return HostReport(sets=sets)

    def _models(self) -> dict[str, tuple[str, ...]]:
        """Return which CPU models run here, nothing where there is no KVM or QEMU does not say."""
        from platform_abi.model.host import CPU_FLAGS, CPU_MODELS
        from platform_abi.qemu.stdio_qmp import QmpCommandError

        try:
            if not self._qmp.execute("query-kvm")["enabled"]:
                return {}
            models = self._qmp.execute("query-cpu-definitions")
            usable = [str(m["name"]) for m in models if m["unavailable-features"] == []]
            flags = {f"{CPU_FLAGS}{name}": self._flags(name) for name in _OF_THE_HOST}
        except (QmpCommandError, KeyError, TypeError):
            return {}
        told = {name: found for name, found in flags.items() if found}
        return {CPU_MODELS: tuple(sorted(usable)), **told}

    def _drivers(self) -> dict[str, tuple[str, ...]]:
        """Return every driver that is here, a module's too (qom/qom-qmp-cmds.c, qom_list_types)."""
        from platform_abi.model.host import QEMU_DRIVERS
        from platform_abi.qemu.stdio_qmp import QmpCommandError

        try:
            answer = self._qmp.execute("qom-list-types", implements=_DRIVER)
            return {QEMU_DRIVERS: tuple(sorted(str(each["name"]) for each in answer))}
        except (QmpCommandError, KeyError, TypeError):
            return {}

    def _flags(self, model: str) -> tuple[str, ...]:
        """Return the flags that *model* has here, none where QEMU does not say.

        How many leaves a guest finds follows from them (target/i386/cpu.c,
        x86_cpu_adjust_feat_level).
        """
        from platform_abi.qemu.stdio_qmp import QmpCommandError

        try:
            answer = self._qmp.execute(
                "query-cpu-model-expansion", type="full", model={"name": model}
            )
        except QmpCommandError:
            return ()
        said = dict(answer["model"]["props"])
        flags = {
            # A flag may stand there twice, the second time with underscores.
            name.replace("_", "-")
            for name, value in said.items()
            if value is True and not name.startswith(_KNOB) and not name.endswith(_AUTOMATIC)
        }
        return tuple(sorted(flags))


def flags_of(sets: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the flags of CPU models in *sets* of an answer, by model.

    Of a model that has those of another only the other's.
    """
    from platform_abi.model.host import CPU_FLAGS

    known = {
        name[len(CPU_FLAGS) :]: flags
        for name, flags in sorted(sets.items())
        if name.startswith(CPU_FLAGS)
    }
    return {
        name: flags
        for place, (name, flags) in enumerate(known.items())
        if flags not in [*known.values()][:place]
    }


def ask_qemu_here(
    binary: str, *, timeout: float = 10.0, models: bool = True, drivers: bool = True
) -> HostReport:
    """Return what *binary* has on this host: its CPU *models* and its *drivers*.

    A partial report. It has the set of models that lack nothing here (query-cpu-definitions), and
    one of the flags that ``host`` and ``max`` have here (query-cpu-model-expansion); neither where
    that QEMU has no KVM here, or does not say what a model lacks. Flags that are added to a model
    by hand are not among what is asked. And it has the set of drivers, the modules' included. It is
    empty where that QEMU does not start.

    *timeout* is in seconds. Raises HostError: ``qemu-not-found``, ``qemu-timeout``.
    """
    with QemuHere(binary) as question:
        return question.answer(timeout, models=models, drivers=drivers)
