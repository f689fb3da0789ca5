"""What speaks against a virtual machine's CPU on a host, flag by flag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from platform_abi.compat.carriers import known_basis
from platform_abi.compat.cpu_asked import AskedFlags, asked_flags, cpu_table, settled_flags
from platform_abi.compat.cpu_flags import flag_fact, lacking_flags
from platform_abi.compat.cpu_models import runnable_models
from platform_abi.compat.finding import Finding, Severity
from platform_abi.errors import first_of
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.cpu import CpuTable
from platform_abi.model.feature import UNDECIDED
from platform_abi.model.host import CPU_MODELS, QEMU_VERSION, Fact, HostReport
from platform_abi.model.value import frozen
from platform_abi.resolver.basis import Basis

#: So many flags and models are named: a host may lack most of a model.
_NAMED = 6


def cpu_findings(
    catalogue: Catalogue, abi: GuestAbi, report: HostReport, *, allow_unknown: bool
) -> Iterator[Finding]:
    """Yield what speaks against the CPU of *abi* on the host of *report*.

    Flags that the user gives are looked up in the registers of the report. A model is what the
    report's QEMU says it can run; where it does not say that, it is judged by its flags.
    """
    basis = known_basis(catalogue, abi)
    if basis is None or not _native(catalogue, abi):
        return
    table = cpu_table(catalogue, abi.vm)
    asked = None if table is None else asked_flags(catalogue, abi)
    if table is None or asked is None:
        yield from _unchecked(basis, report)
        return
    judge = _Judge(
        catalogue=catalogue, abi=abi, basis=basis, table=table, report=report, asked=asked,
        unknown="warn" if allow_unknown else "blocked",
    )  # fmt: skip
    if basis.cpu not in UNDECIDED:
        yield from judge.model()
    yield from judge.given()


def _native(catalogue: Catalogue, abi: GuestAbi) -> bool:
    """Return whether the guest's CPU is the host's own, and not one that QEMU emulates."""
    return abi.vm.accelerator in catalogue.devices().native_accelerators


def _unchecked(basis: Basis, report: HostReport) -> Iterator[Finding]:
    """Yield that nobody knows the CPU's flags, unless a QEMU has said that it can run the model."""
    usable = report.sets.get(CPU_MODELS)
    if basis.cpu in UNDECIDED or (usable is not None and basis.cpu in usable):
        return
    yield _not_known(basis, "")


def _not_known(basis: Basis, lacking: str) -> Finding:
    return Finding(
        code="cpu-unchecked",
        severity="warn",
        message=f"whether this host has every flag of CPU model {basis.cpu} is not known{lacking}",
        help="probe it with a QEMU to ask; with 'enforce' QEMU refuses to start without them",
    )


@frozen(kw_only=True)
class _Judge:
    """One virtual machine's CPU before one host; *unknown* is how grave it is not to know."""

    catalogue: Catalogue
    abi: GuestAbi
    basis: Basis
    table: CpuTable
    report: HostReport
    asked: AskedFlags
    unknown: Severity

    @property
    def usable(self) -> bool | None:
        """Whether a QEMU has said on this host that it can run the model; None: none was asked."""
        models = self.report.sets.get(CPU_MODELS)
        return None if models is None else self.basis.cpu in models

    def lacking(self, flags: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Return which of *flags* the host has not, and of which that is not known.

        Those that are settings of a feature are judged there.
        """
        settled = settled_flags(self.catalogue, self.table.arch)
        return lacking_flags(self.table, self.report, {*flags} - settled)

    def model(self) -> Iterator[Finding]:
        """Yield what the host lacks of the model; what a QEMU says of itself goes first."""
        if self.usable:
            return
        absent, unknown = map(sorted, self.lacking(self.asked.of_model))
        if absent:
            yield self._lacks(absent)
        elif self.usable is False and not self.asked.off:
            version = self.report.values.get(QEMU_VERSION, "that was asked")
            which = f"CPU model {self.basis.cpu} is none"
            yield Finding(
                code="cpu-model",
                severity="blocked",
                message=f"{which} that QEMU {version} can run on this host",
                help=self._instead(),
            )
        elif not self.asked.model_known:
            yield _not_known(self.basis, "")
        elif unknown:
            yield _not_known(self.basis, f": {first_of(unknown, _NAMED)} are not in its report")

    def _lacks(self, lacking: Sequence[str]) -> Finding:
        facts = [flag_fact(self.table, self.report, flag) for flag in lacking[:_NAMED]]
        first = zip(lacking, facts, strict=False)
        names = [f"{flag} ({fact.detail})" for flag, fact in first] + [*lacking[_NAMED:]]
        return Finding(
            code="cpu-model",
            severity="blocked",
            message=f"CPU model {self.basis.cpu} has flags that this host lacks: "
            + first_of(names, _NAMED),
            help=self._instead(),
            fact=facts[0],
        )

    def _instead(self) -> str:
        build, arch = self.basis.build.name, self.abi.vm.arch
        states = runnable_models(self.catalogue, arch, build, self.report)
        fit = [name for name, state in states.items() if state == "present"]
        if not fit:
            return "choose a model that all hosts can run; 'diff host' shows how they differ"
        return f"choose a model that this host can run, best first: {first_of(fit, _NAMED)}"

    def given(self) -> Iterator[Finding]:
        """Yield which flags that the user gives the host lacks, or nobody knows."""
        absent, unknown = self.lacking(self.asked.given)
        for flag in self.asked.given:
            if flag not in absent | unknown:
                continue
            fact = flag_fact(self.table, self.report, flag)
            if flag in absent:
                yield self._absent(flag, fact)
            else:
                yield self._flag(
                    flag,
                    f"is unknown here ({fact.detail})",
                    severity=self.unknown,
                    fact=fact,
                )
        for flag, gate in self.asked.dangling.items():
            yield self._flag(
                flag,
                f"is taken away again by QEMU, because {gate} is off",
                help=f"add {gate}=on to -cpu, or take {flag} away",
            )
        for name in self.asked.undescribed:
            yield Finding(
                code="cpu-property-unknown",
                severity=self.unknown,
                message=f"what {self.table.driver}.{name} asks of a host is not described here",
                help="take it away from -cpu, or go on with what is unknown allowed",
                property=f"{self.table.driver}.{name}",
            )

    def _absent(self, flag: str, fact: Fact) -> Finding:
        if self._doubted().isdisjoint(self._registers(flag)):
            return self._flag(flag, f"is absent here ({fact.detail})", fact=fact)
        said = (
            f"may be absent here ({fact.detail}): the report contradicts itself, for its QEMU can "
            f"run {self.basis.cpu}, which has flags of the same register that are not set"
        )
        fact = Fact(state="unknown", detail=fact.detail)
        return self._flag(flag, said, severity="warn", fact=fact, help="probe the host again")

    def _doubted(self) -> frozenset[str]:
        """Return the registers of which the report says less than its QEMU can run."""
        if not self.usable:
            return frozenset()
        absent, _ = self.lacking(self.asked.of_model)
        return frozenset().union(*map(self._registers, absent))

    def _registers(self, flag: str) -> frozenset[str]:
        return frozenset(register for register, _ in self.table.bits[flag])

    def _flag(
        self,
        flag: str,
        said: str,
        *,
        severity: Severity = "blocked",
        fact: Fact | None = None,
        help: str = "take it away from -cpu, or choose hosts that have it",  # noqa: A002
    ) -> Finding:
        known = fact is None or fact.state != "unknown"
        return Finding(
            code="cpu-flag" if known else "cpu-flag-unknown",
            severity=severity,
            message=f"CPU flag {flag}=on {said}",
            help=help,
            property=f"{self.table.driver}.{flag}",
            value="on",
            fact=fact,
        )
