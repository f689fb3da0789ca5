"""The answers to the commands that are answered here, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from platform_abi._version import __version__
from platform_abi.compat.document import SHAPES
from platform_abi.compat.supported import PlatformVerdict, judge, query_platforms, scope_for
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.emit.document import abi_document
from platform_abi.emit.plain import plain
from platform_abi.errors import PlatformAbiError
from platform_abi.host.document import report_document
from platform_abi.model.abi import GuestAbi
from platform_abi.model.host import Fact, HostReport
from platform_abi.monitor.reply import failure, success
from platform_abi.monitor.request import RefusedError, Request
from platform_abi.monitor.schema import Schema

#: Chooses among what a host supports, where nobody did.
Choose = Callable[[tuple[PlatformVerdict, ...], HostReport], PlatformVerdict | None]


class Commands:
    """What is known here, and asked for when a command first needs it.

    *load* gives the definitions and *probe* asks the host; both may take seconds, and are called by
    ``answer`` and nothing else. *lock* is the lockfile's guest ABI with its text. *constants* are
    answers that are known already, by command.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        load: Callable[[], FileCatalogue],
        probe: Callable[[FileCatalogue], HostReport],
        choose: Choose,
        lock: tuple[GuestAbi, str] | None = None,
        constants: Mapping[str, Any] | None = None,
    ) -> None:
        self._schema = schema
        self._load = load
        self._probe = probe
        self._choose = choose
        self._lock = lock
        self._catalogue: FileCatalogue | None = None
        self._report: HostReport | None = None
        self._commands: dict[str, Callable[[dict[str, Any]], Any]] = {
            **{name: _constant(value) for name, value in (constants or {}).items()},
            "query-platforms": self._platforms,
            "query-platform": self._platform,
            "query-platform-host": self._host,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The commands that ``answer`` answers."""
        return tuple(self._commands)

    def answer(self, request: Request) -> bytes:
        """Return the line that answers *request*, one of ``names``."""
        name = str(request.name)
        try:
            arguments = request.arguments()
            self._schema.check_arguments(name, arguments)
            return success(self._commands[name](arguments), request.id)
        except RefusedError as error:
            return failure(error, request.id)
        except PlatformAbiError as error:
            said = f"{error.message}; {error.help}" if error.help else error.message
            return failure(RefusedError(said), request.id)

    # ----

    def _known(self) -> FileCatalogue:
        if self._catalogue is None:
            self._catalogue = self._load()
        return self._catalogue

    def _asked(self, arguments: Mapping[str, Any]) -> HostReport:
        if self._report is None or arguments.get("refresh"):
            self._report = self._probe(self._known())
        return self._report

    def _judged(self, report: HostReport) -> tuple[tuple[PlatformVerdict, ...], str | None]:
        """Return all verdicts, and the canonical spelling of the one to choose."""
        verdicts = query_platforms(self._known(), report)
        chosen = self._choose(verdicts, report)
        return verdicts, None if chosen is None else chosen.platform

    def _platforms(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        name, supported = arguments.get("name"), arguments.get("supported")
        if name is not None:
            name = self._known().platform(name).name
        report = self._asked(arguments)
        verdicts, newest = self._judged(report)
        if name is not None and all(verdict.name != name for verdict in verdicts):
            # Left out of all of them: who asks for it is told why.
            verdicts = (judge(self._known(), name, report, scope_for(self._known(), report)),)
        return [
            _info(verdict, newest)
            for verdict in verdicts
            if name in (None, verdict.name) and supported in (None, verdict.supported)
        ]

    def _platform(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        if self._lock is None:
            raise RefusedError(
                "No lockfile was given to this monitor, so that it cannot tell the platform in use"
            )
        abi, text = self._lock
        document = abi_document(abi)
        same = ("platform", "machine", "accelerator", "digest")
        lists = ("unpinned", "preconditions")
        return {
            **{key: document[key] for key in (*same, *lists)},
            **({} if abi.migratable is None else {"migratable": abi.migratable}),
            "edition": abi.edition,
            "arch": abi.vm.arch,
            "beyond-platform": [_present(entry) for entry in document["beyond_platform"]],
            "lock": text,
        }

    def _host(self, arguments: dict[str, Any]) -> dict[str, Any]:
        report = self._asked(arguments)
        newest = self._judged(report)[1]
        return {
            "system": report.system,
            "release": report.release,
            "arch": report.arch,
            "distribution": report.distribution,
            "distribution-version": report.distribution_version,
            **({} if newest is None else {"newest": newest}),
            "facts": [_fact(*fact) for fact in sorted(report.facts.items())],
            "report": report_document(report),
        }


def _constant(value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda _arguments: value


def _info(verdict: PlatformVerdict, newest: str | None) -> dict[str, Any]:
    return {
        "name": verdict.name,
        "edition": verdict.platform.partition("@")[2].partition(",")[0],
        "lineage": verdict.lineage,
        "supported": verdict.supported,
        "newest": verdict.platform == newest,
        "missing": plain(verdict.missing, SHAPES),
        "limits": plain(verdict.limits, SHAPES),
        "notes": list(verdict.notes),
    }


def _fact(capability: str, fact: Fact) -> dict[str, str]:
    return {"capability": capability, **plain(fact, SHAPES)}


def _present(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return *entry* without what is null: QAPI leaves out what is not there."""
    return {key: value for key, value in entry.items() if value is not None}


# --- without a QEMU -------------------------------------------------------------------------------


def version() -> dict[str, Any]:
    """Return what a monitor without a QEMU greets by, and says of its version."""
    major, minor, micro = (int(part) for part in (*__version__.split(".")[:3],))
    return {
        "qemu": {"micro": micro, "minor": minor, "major": major},
        "package": "platform-abi",
    }


def about_itself(schema: Schema) -> dict[str, Any]:
    """Return by command what a monitor without a QEMU says of itself."""
    entries = schema.entries()
    return {
        "query-version": version(),
        "query-commands": [{"name": name} for name in schema.commands],
        "query-qmp-schema": list(entries.values()),
    }
