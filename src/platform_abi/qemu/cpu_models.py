"""Which CPU models a QEMU can run on this host under KVM, flag for flag."""

from __future__ import annotations

from platform_abi.model.host import CPU_MODELS, HostReport
from platform_abi.qemu.stdio_qmp import Qmp, QmpError

_ARGUMENTS = ("-machine", "none", "-accel", "kvm", "-nodefaults", "-no-user-config")


def ask_cpu_models(binary: str, *, timeout: float = 10.0) -> HostReport:
    """Return the CPU models of *binary* that lack nothing on this host (query-cpu-definitions).

    A partial report with one set; an empty one where that QEMU has no KVM here, or does not say
    what a model lacks. Flags that are added to a model by hand are not among what is asked.
    *timeout* is in seconds. Raises HostError: ``qemu-not-found``, ``qemu-timeout``.
    """
    try:
        with Qmp(binary, _ARGUMENTS, timeout=timeout) as qmp:
            models = qmp.execute("query-cpu-definitions")
            usable = [str(m["name"]) for m in models if m["unavailable-features"] == []]
    except QmpError as error:
        if error.code == "qemu-timeout":
            raise
        return HostReport()
    except (KeyError, TypeError):
        return HostReport()
    return HostReport(sets={CPU_MODELS: tuple(sorted(usable))})
