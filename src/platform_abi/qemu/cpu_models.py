"""Which CPU models a QEMU can run on this host under KVM, flag for flag."""

from __future__ import annotations

from platform_abi.qemu.stdio_qmp import Qmp, QmpError

# As in ``netdevs``.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from platform_abi.model.host import HostReport

_ARGUMENTS = ("-machine", "none", "-accel", "kvm", "-nodefaults", "-no-user-config")

#: Models that have what QEMU knows of the host's CPU.
_OF_THE_HOST = ("host", "max")

#: Properties that are on and no flags: how QEMU goes about something. What of them differs between
#: two builds, the content of the machine type tells.
_KNOB, _AUTOMATIC = "x-", "-auto-level"


class CpuModelQuestion:
    """A *binary* that is asked for its CPU models, from the beginning of a block to its end.

    Entering waits for nothing, and raises HostError as that of ``NetdevQuestions`` does.
    """

    def __init__(self, binary: str) -> None:
        self._qmp = Qmp(binary, _ARGUMENTS)

    def __enter__(self) -> Self:
        self._qmp.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._qmp.__exit__()

    def answer(self, timeout: float) -> HostReport:
        """Return what ``ask_cpu_models`` does, of a start and an answer of *timeout* seconds."""
        from platform_abi.model.host import CPU_FLAGS, CPU_MODELS, HostReport

        try:
            self._qmp.greet(timeout)
            models = self._qmp.execute("query-cpu-definitions")
            usable = [str(m["name"]) for m in models if m["unavailable-features"] == []]
            flags = {f"{CPU_FLAGS}{name}": self._flags(name) for name in _OF_THE_HOST}
        except QmpError as error:
            if error.code == "qemu-timeout":
                raise
            return HostReport()
        except (KeyError, TypeError):
            return HostReport()
        told = {name: found for name, found in flags.items() if found}
        return HostReport(sets={CPU_MODELS: tuple(sorted(usable)), **told})

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


def ask_cpu_models(binary: str, *, timeout: float = 10.0) -> HostReport:
    """Return the CPU models of *binary* that lack nothing on this host (query-cpu-definitions).

    A partial report with a set of them, and one of the flags that ``host`` and ``max`` have here
    (query-cpu-model-expansion); an empty one where that QEMU has no KVM here, or does not say what
    a model lacks. Flags that are added to a model by hand are not among what is asked.
    *timeout* is in seconds. Raises HostError: ``qemu-not-found``, ``qemu-timeout``.
    """
    with CpuModelQuestion(binary) as question:
        return question.answer(timeout)
