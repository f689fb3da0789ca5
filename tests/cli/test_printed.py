"""Whatever others wrote, a terminal is shown characters only: no verb lets itself be steered."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.cli.run import HOST_VARIABLE
from platform_abi.emit.lockfile import lockfile
from platform_abi.emit.toml import toml_text
from platform_abi.files import write_text
from tests.author.binaries import ORDINARY, binary
from tests.qemu.programs import make
from tests.resolver.shipped import machine_with_nics
from tests.verifier.recorded_machine import bare, promised, resolved, serving, telling

SOURCE = Path(__file__).parents[2] / "src" / "platform_abi"
CAPTURE = Path(__file__).parents[1] / "captures" / "constructed-debian-12.json"

#: Of every kind that steers a terminal or deceives a reader: control characters of both sets, an
#: end of a line, marks and overrides of the direction, what has no width, separators, tags, the
#: first of a variation, private ones, one that is not assigned, and bytes that are no text.
STEERING: Final = (
    "\x00\x07\x08\t\n\x0b\x0c\r\x1b\x7f\x85\x9b\xa0\xad\u061c\u200b\u200c\u200d\u200e\u200f\u2028"
    "\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\u206f\ufeff\ufff9"
    "\U000e0041\ue000\U0010ffff\udc80\udcff\ud800"
)

#: What begins a line only where a line break of somebody else's was printed.
FORGED: Final = "error[forged]: all is well"

hostile = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "pc-q35-9.1", "net", "id=", ",", "=", "'"]),
    st.text(alphabet=st.sampled_from(STEERING + "a,=.'\"{"), min_size=1, max_size=8),
    st.sampled_from(["", f"\n{FORGED}", "\x1b]0;owned\x07", "\x1b[2J", "\u202egnp.exe"]),
)

#: What a file may be called, an argument hold, and a variable.
a_name = hostile.filter(lambda text: "\0" not in text and "\ud800" not in text)

#: Colours of ours, and what rich's progress bar does to its line.
_OURS = re.compile(r"\x1b\[[0-9;]*m|\r\x1b\[2?K|\x1b\[1A\x1b\[2K|\x1b\[\?25[lh]")

#: Whether a verb is asked for JSON, and whether it writes to a terminal.
Way = tuple[bool, bool]
ways: Final = st.tuples(st.booleans(), st.booleans())

few = settings(
    max_examples=20,
    suppress_health_check=[*HealthCheck],
    deadline=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # what is shorter takes too long
)


class _Stream(io.TextIOWrapper):
    """What a verb prints to, perhaps a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        self.bytes = io.BytesIO()
        self.terminal = terminal
        super().__init__(self.bytes, encoding="utf-8", newline="\n", write_through=True)

    def isatty(self) -> bool:
        return self.terminal


def printed(words: Iterable[str], *, terminal: bool = False) -> tuple[int, bytes, bytes]:
    """Run a verb in this process; return its exit code and what it printed."""
    out, err = _Stream(terminal=terminal), _Stream(terminal=terminal)
    err.reconfigure(errors="backslashreplace")
    kept = sys.stdout, sys.stderr, sys.stdin
    sys.stdout, sys.stderr, sys.stdin = out, err, io.TextIOWrapper(io.BytesIO())
    try:
        code = main(list(words))
    except SystemExit as end:  # --help
        code = int(end.code or 0)
    finally:
        sys.stdout, sys.stderr, sys.stdin = kept
    return code, out.bytes.getvalue(), err.bytes.getvalue()


def check_shown(data: bytes, *, terminal: bool) -> None:
    """Assert that *data* is nothing but characters that are shown, in lines of ours."""
    text = data.decode()
    if terminal:
        text = re.sub(r"(?m)^\r", "", _OURS.sub("", text))
    for line in text.split("\n"):
        assert line.isprintable(), line
        assert not line.startswith(FORGED), text


def check_verb(words: list[str], way: Way) -> None:
    """Assert that neither prose nor JSON gets more than what is shown, on a terminal or not."""
    as_json, terminal = way
    more = ["--json"] if as_json else []
    code, out, err = printed([words[0], *more, *words[1:]], terminal=terminal)
    assert code in {0, 1, 2, 3, 4}
    check_shown(out, terminal=terminal)
    check_shown(err, terminal=terminal)
    if as_json and out:
        assert out.isascii()
        json.loads(out)
    if as_json and code > 1:
        assert "error" in json.loads(err.splitlines()[-1])


def test_text_leaves_in_one_place() -> None:
    """No module but one writes to a stream of this process; ruff holds the same for print.

    What runs on another host has the streams of a process there.
    """
    writing = re.compile(r"sys\.(?:stdout|stderr)\.(?:write|buffer\.write)|\bprint\(")
    writers = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if writing.search(path.read_text(encoding="utf-8"))
    }
    assert {"cli/render.py"} == writers - {"remote/standalone.py"}


# --- command lines -------------------------------------------------------------------------------

_VM = "-M pc-q35-9.1 --platform linux-6.9"

#: Command lines of every verb; {} is what somebody else says.
_COMMANDS: Final = (
    "{}", "{} --json", "resolve {}", "resolve --format {}", "resolve --vcpus {}",
    "resolve -M {} --platform linux-6.9", "resolve -M pc-q35-9.1 --platform {}",
    "resolve -M pc-q35-9.1,x-oem-id={} --platform linux-6.9",
    f"resolve {_VM} --format readconfig --global {{}}",
    f"resolve {_VM} --full --device virtio-rng-pci,id={{}}",
    f"resolve {_VM} --format lock --device virtio-blk-pci,serial={{}}",
    f"resolve {_VM} --device {{}}", f"resolve {_VM} --device virtio-net-pci,{{}}=on",
    f"resolve {_VM} --device virtio-net-pci,netdev={{}}", f"resolve {_VM} --global {{}}",
    f"resolve {_VM} --global virtio-net-pci.mq={{}}", f"resolve {_VM} --cpu {{}}",
    f"resolve {_VM} --cpu qemu64,{{}}=on", f"resolve {_VM} --netdev {{}}",
    f"resolve {_VM} --backend {{}}", f"resolve {_VM} --backend n={{}}",
    f"resolve {_VM} --build {{}}",
    f"resolve {_VM} --arch {{}}", f"resolve {_VM} --accel {{}}", f"resolve {_VM} -o no/{{}}",
    f"resolve {_VM} --lock no/{{}}", "resolve --from-lock {}",
    "explain {}", f"explain {{}}.mq {_VM}", f"explain virtio-net-pci.{{}} {_VM}",
    f"explain virtio-net-pci.mq {_VM} --device virtio-net-pci,id={{}}",
    "platforms {}", "platforms --policy {} --host no", "platforms --host {}",
    "platforms --format {}",
    "platforms linux-6.9@{}", "platforms --host host.json --accel {}",
    "platforms --host host.json --backend {}", "platforms --host host.json {}",
    "host --name {}", "host --timeout {}", "host --qemu q --no-qemu {}",
    "check {}", "check --host {} vm.lock", "check --from {} --to host.json vm.lock",
    "check --host host.json --build {} vm.lock", f"check --host host.json {_VM} --device {{}}",
    "baseline {}", "baseline host.json --edition {}", "baseline host.json --lock {}",
    "baseline host.json --joins {}", "baseline host.json --upgrade {}",
    "baseline host.json --accel {}", "baseline host.json --upgrade {}=host.json",
    "diff {} a b", "diff platform {} linux-6.9", "diff abi {} vm.lock", "diff host {} host.json",
    "diff machine {} pc-q35-9.1", "diff machine pc-q35-9.0 pc-q35-9.1 --build {}",
    "diff machine pc-q35-9.0 pc-q35-9.1 --driver {}", "diff build {} qemu-10.0.2 -M pc-q35-9.1",
    "diff build qemu-9.1.0 qemu-10.0.2 -M {}", "diff machine pc-q35-9.0 pc-q35-9.1 --arch {}",
    "import-qemu no/{}", "import-qemu no --generation {}", "import-qemu no --timeout {}",
    "audit-qemu no/{}", "audit-qemu no --timeout {}", "audit-qemu no --against-binary no/{}",
    "run {}", "run --qemu no/{} -- -platform linux-6.9",
    "run --host no/{} --print-args -- no -M q35",
    "run --print-args --qemu true --host host.json -- -M {} -platform linux-6.9",
    "run --print-args --qemu true --host host.json -- -M pc-q35-9.1 -platform {}",
    "run --print-args --qemu true --host host.json -- -M pc-q35-9.1 -platform lock=no/{}",
    "run --print-args --qemu true --host host.json -- -M pc-q35-9.1 -platform linux-6.9 -device {}",
    "run --print-args --qemu true --host host.json -- -M q35 -platform linux-6.9 -readconfig {}",
    "verify {}", "verify --qmp no/{} vm.lock", "verify --qmp tcp:{} vm.lock",
    "verify --start --qemu no/{} vm.lock", "verify --start --host no/{} vm.lock",
    "verify --start --timeout {} vm.lock",
    "rehearse --qemu no/{} --to-qemu no vm.lock", "rehearse --qemu {} --to-qemu no -- -M q35",
    "rehearse --qemu no --to-qemu no -- -M {}",
    "rehearse --qemu no --to-qemu no --timeout {} vm.lock",
    "monitor --listen {}:x", "monitor --listen unix:no/{}", "monitor --listen unix:x --mode {}",
    "monitor --listen unix:x --lock no/{}", "monitor --listen unix:x --qemu {}:x",
    "explain-error {}", "explain-error --file no/{}", "explain-error --device {} failed",
    "explain-error 'Failed to load virtio-net:{}'", "explain-error a --file {}",
    'explain-error "Unknown savevm section or instance {} 0"',
    "explain-error 'virtio-net-pci: {}: Features 0x1 unsupported. Allowed features: 0x0'",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an honest lockfile and report, of this very kernel."""
    place = tmp_path_factory.mktemp("printed")
    catalogue = pa.FileCatalogue([SOURCE.parents[1] / "definitions"])
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", cpu="qemu64")
    write_text(place / "vm.lock", lockfile(catalogue, pa.resolve(catalogue, vm, "linux-6.9")))
    honest = json.loads(CAPTURE.read_text(encoding="utf-8"))
    honest["host"]["release"] = os.uname().release
    write_text(place / "host.json", json.dumps(honest))
    return place


@pytest.mark.parametrize("verb", sorted({command.split()[0] for command in _COMMANDS}))
def test_command_lines(place: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """A word of any option of any verb comes back escaped."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("PLATFORM_ABI_QEMU", "no-qemu")
    commands = [shlex.split(text) for text in _COMMANDS if text.split()[0] == verb]

    @few
    @given(st.sampled_from(commands), hostile, ways)
    def law(command: list[str], said: str, way: Way) -> None:
        words = [word.replace("{}", said) for word in command]
        if not (way[0] or way[1]) and (words[0] == "resolve" or "--print-args" in words):
            check_shown(printed(words)[2], terminal=False)  # what is printed is data
        else:
            check_verb(words, way)

    law()


_NAMED = (
    "check {lock} --host host.json", "baseline host.json --lock {lock}", "diff abi {lock} vm.lock",
    "explain-error --file {lock}", "monitor --listen unix:no/x --lock {lock}",
    "check vm.lock --host {report}", "baseline {report} --lock vm.lock",
    "diff host {report} host.json",
)  # fmt: skip


def test_a_file_of_any_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lockfile, report or log may be called what it likes."""
    monkeypatch.chdir(place)
    honest = {"{lock}": Path("vm.lock"), "{report}": Path("host.json")}

    @few
    @given(a_name, st.sampled_from(_NAMED), ways)
    def law(name: str, command: str, way: Way) -> None:
        called = Path(name.replace("/", "-"))
        asked = next(each for each in honest if each in command)
        called.write_bytes(honest[asked].read_bytes())
        check_verb([str(called) if word == asked else word for word in command.split()], way)
        called.unlink()

    law()


@few
@given(a_name)
def test_words_to_be_used_are_exact(said: str) -> None:
    """A pipe gets each word as it is, for any shell; what a terminal shows is the same word."""
    words = [
        "resolve",
        *shlex.split(_VM),
        "--format",
        "shell",
        "--device",
        f"virtio-blk-pci,serial={said}",
    ]
    words += ["--device", "virtio-blk-pci"]
    code, out, _ = printed(words)
    if code:
        return
    text = out.decode("utf-8", "surrogateescape")
    _, shown, _ = printed(words, terminal=True)
    check_shown(shown, terminal=False)
    given_ = shlex.split(text)
    told = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {shown.decode()}"], capture_output=True, check=True
    ).stdout.split(b"\0")[:-1]
    assert [os.fsencode(word) for word in given_] == told


# --- files ---------------------------------------------------------------------------------------


def _leaves(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where the texts of plain data are."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    elif isinstance(value, str):
        yield path


def _put(value: Any, path: tuple[Any, ...], said: str) -> Any:
    """Return *value* with what is at *path* followed by *said*."""
    if not path:
        return f"{value}{said}"
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _put(value[path[0]], path[1:], said)
    return copy


def _abi_leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from _abi_leaves(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _abi_leaves(inner, (*path, index))
    elif isinstance(value, str):
        yield path


def _abi_put(value: Any, path: tuple[Any, ...], said: str) -> Any:
    if not path:
        return f"{value}{said}"
    key, *rest = path
    if isinstance(value, tuple):
        return (*value[:key], _abi_put(value[key], tuple(rest), said), *value[key + 1 :])
    return attrs.evolve(value, **{key: _abi_put(getattr(value, key), tuple(rest), said)})


#: What a file can hold.
encodable = hostile.filter(lambda text: not re.search("[\ud800-\udfff]", text))

_LOCK_VERBS = (
    "resolve --from-lock bad.lock --format lock",
    "resolve --from-lock bad.lock --full",
    "check bad.lock --host host.json",
    "check bad.lock --host host.json --build qemu-10.0.2",
    "check bad.lock --from host.json --to host.json",
    "verify bad.lock --start --qemu no-qemu --host host.json",
    "verify bad.lock --qmp no-socket",
    "rehearse bad.lock --qemu no-qemu --to-qemu no-qemu",
    "monitor --listen unix:no/x --lock bad.lock",
    "diff abi vm.lock bad.lock",
    "baseline host.json --lock bad.lock",
    "run --qemu true --host host.json --print-args --json -- -M pc-q35-9.1 -platform lock=bad.lock",
)


@pytest.mark.parametrize("command", _LOCK_VERBS)
def test_lockfiles(
    catalogue: pa.FileCatalogue, place: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Any text of a lockfile, taken or refused, comes back escaped; with its seal or without."""
    monkeypatch.chdir(place)
    honest = Path("vm.lock").read_text(encoding="utf-8")
    abi = attrs.evolve(
        pa.read_lock(honest, "vm.lock", catalogue=catalogue),
        notes=("a note",),
        beyond=(
            pa.Beyond(
                feature="net.mq", driver="virtio-net-pci", property="mq", value="on", device="nic0",
                reason="because", missing=("tun.uso",),
            ),
        ),
        unpinned=(pa.Unpinned(what="CPU", migration="breaks", pin="-cpu qemu64"),),
    )  # fmt: skip
    leaves = list(_abi_leaves(abi))

    @few
    @given(st.sampled_from(leaves), encodable, st.booleans(), st.booleans(), ways)
    def law(leaf: tuple[Any, ...], said: str, sealed: bool, raw: bool, way: Way) -> None:
        text = pa.lock_text(_abi_put(abi, leaf, said), definitions="0123456789abcdef")
        if raw:  # as others write TOML: what it lets stand unescaped
            escape = re.compile(r"\\u([2-9a-f][0-9a-f]{3})")
            text = escape.sub(lambda match: chr(int(match[1], 16)), text)
            text = f"# {said!a} \u202e\n{text}"
        if not sealed:
            text = text.replace("seal = ", "# \u202e ")
        write_text("bad.lock", text)
        check_verb(shlex.split(command), way)

    law()


_REPORT_VERBS = (
    "check vm.lock --host bad.json",
    "check vm.lock --from bad.json --to host.json",
    "baseline bad.json host.json --lock vm.lock",
    "baseline host.json --joins bad.json --lock vm.lock",
    "baseline host.json --upgrade host.json=bad.json --lock vm.lock",
    "platforms --host bad.json",
    "platforms --host bad.json linux-6.9",
    "platforms --host bad.json --format labels",
    "diff host host.json bad.json",
    "verify vm.lock --qmp no-socket --host bad.json",
    "run --qemu true --host bad.json --print-args -- -M pc-q35-9.1 -accel tcg -platform linux-6.9",
)


@pytest.mark.parametrize("command", _REPORT_VERBS)
def test_host_reports(place: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Any text or key of a host report comes back escaped."""
    monkeypatch.chdir(place)
    honest = json.loads(Path("host.json").read_text(encoding="utf-8"))
    leaves = list(_leaves(honest))

    @few
    @given(st.lists(st.sampled_from(leaves), min_size=1, max_size=8), hostile, st.booleans(), ways)
    def law(places: list[tuple[Any, ...]], said: str, key: bool, way: Way) -> None:
        body = honest
        for each in places:
            body = _put(body, each, said)
        if key:
            body = {**body, said: said, "facts": {**body["facts"], said: {"state": said}}}
        Path("bad.json").write_text(json.dumps(body), encoding="utf-8")
        check_verb(shlex.split(command), way)

    law()


_SITE: Final = {
    "platforms/site-1.0.toml": {
        "schema": 1,
        "platform": {
            "name": "site-1.0", "lineage": "site", "version": "1.0", "title": "Ours",
            "extends": "linux-6.9", "assumes": ["CONFIG_X"], "released": date(2026, 1, 2),
        },
        "features": {"virtio-net.guest-uso4": "off"},
    },
    "masks/site.toml": {
        "schema": 1,
        "mask": [{
            "platform": "linux-6.9", "feature": "virtio-net.guest-uso4", "date": date(2026, 1, 2),
            "reason": "it hangs",
        }],
    },
}  # fmt: skip

_SITE_VERBS = (
    "platforms", "platforms --names", "platforms site-1.0", "platforms linux-6.9",
    "platforms --host host.json", "platforms --host host.json --names",
    "baseline host.json",
    "resolve -M pc-q35-9.1 --platform site-1.0 --json",
    "explain virtio-net-pci.guest_uso4 -M pc-q35-9.1 --platform linux-6.9 --device virtio-net-pci",
    "check -M pc-q35-9.1 --platform site-1.0 --host host.json",
    "diff platform site-1.0 linux-6.9",
)  # fmt: skip


@pytest.mark.parametrize("command", _SITE_VERBS)
def test_definitions_of_a_site(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Any text of a definition, taken or refused, comes back escaped."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(tmp_path))
    leaves = [(name, *leaf) for name, body in _SITE.items() for leaf in _leaves(body)]
    _site(tmp_path, _SITE)
    code, _, err = printed(shlex.split(command))
    assert code in {0, 1}
    assert b"error" not in err

    @few
    @given(st.sampled_from(leaves), encodable, st.booleans(), ways)
    def law(leaf: tuple[Any, ...], said: str, broken: bool, way: Way) -> None:
        _site(tmp_path, _put(_SITE, leaf, said), end=f"\n{said}" if broken else "")
        check_verb(shlex.split(command), way)

    law()


def _site(folder: Path, files: Mapping[str, Any], end: str = "") -> None:
    for name, body in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write_text(folder / name, toml_text(body) + end)


_MESSAGES: Final = (
    "qemu-system-x86_64: Features 0x1c0010130afffaf unsupported. Allowed features: 0x10179bfffef{}",
    "qemu-system-x86_64: Failed to load virtio-net{}:virtio",
    "qemu-system-x86_64: error while loading state for instance 0x0 of device '{}'",
    "qemu-system-x86_64: Unknown savevm section or instance '{}' 0",
    "qemu-system-x86_64: -device {}: Property '{}.x' not found",
    "qemu-system-x86_64: get_pci_config_device: Bad config data: i=0x10 read: {} device: 1",
    "qemu-system-x86_64: {}", "{}",
)  # fmt: skip


def test_logs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a log says comes back escaped, in bytes that are no text too."""
    monkeypatch.chdir(place)

    @settings(few, max_examples=60)
    @given(st.lists(st.tuples(st.sampled_from(_MESSAGES), hostile), min_size=1, max_size=4), ways)
    def law(lines: list[tuple[str, str]], way: Way) -> None:
        text = "\n".join(message.replace("{}", said) for message, said in lines)
        Path("log").write_bytes(text.encode("utf-8", "surrogatepass") + b"\x9b2J\xff\x80")
        check_verb(["explain-error", "--file", "log"], way)
        check_verb(["explain-error", text], way)

    law()


# --- peers ---------------------------------------------------------------------------------------


def test_a_qmp_peer(
    catalogue: pa.FileCatalogue, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What whoever serves a socket answers comes back escaped."""
    monkeypatch.chdir(place)
    abi = resolved(catalogue)
    write_text("running.lock", lockfile(catalogue, abi))
    there = promised(catalogue, abi, bare(catalogue, abi))
    leaves = [leaf for leaf in _abi_leaves(there) if leaf != ("version",)]

    @settings(few, max_examples=8)
    @given(st.sampled_from(leaves), hostile, ways)
    def law(leaf: tuple[Any, ...], said: str, way: Way) -> None:
        vm = _abi_put(there, leaf, said)
        with contextlib.suppress(FileNotFoundError):
            Path("qmp").unlink()
        with serving(Path("qmp"), telling(vm)):
            check_verb(["verify", "--qmp", "qmp", "--host", "host.json", "running.lock"], way)

    law()


def test_a_qemu_that_is_imported(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a binary says of itself, by QMP, comes back escaped, and is written escaped."""
    monkeypatch.chdir(place)
    leaves = list(_leaves(ORDINARY))

    @settings(few, max_examples=8)
    @given(st.sampled_from(leaves), encodable, ways)
    def law(leaf: tuple[Any, ...], said: str, way: Way) -> None:
        program = binary(place, answers=_put(ORDINARY, leaf, said))
        check_verb(["import-qemu", program, "--force", "--output", "site"], way)
        check_verb(["audit-qemu", program], way)
        for file in Path("site").rglob("*.toml"):
            text = file.read_text(encoding="utf-8")
            assert text.replace("\n", "").isprintable()
            tomllib.loads(text)

    law()


_TELLING = """#!{python}
import os, sys
said = {said!a}.encode("utf-8", "surrogateescape")
if "--version" in sys.argv and {polite}:
    os.write(1, b"QEMU emulator version 9.1.0 (" + said + b")\n")
elif "help" in sys.argv and {polite}:
    os.write(1, b"Available netdev backend types:\ntap\n" + said + b"\n")
else:
    os.write(2, said + b"\n")
    sys.exit(1)
"""


def test_a_program_in_the_place_of_qemu(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a QEMU writes to its streams, and dies of, comes back escaped."""
    monkeypatch.chdir(place)
    named = [
        f"verify vm.lock --start --qemu {place}/program --host host.json",
        f"import-qemu {place}/program",
        f"audit-qemu {place}/program",
        f"run --qemu {place}/program --host host.json --print-args -- -M q35 -platform linux-6.9",
    ]

    @settings(few, max_examples=12)
    @given(
        st.sampled_from(named),
        hostile.filter(lambda text: not re.search("[\ud800-\udb7f]", text)),
        st.booleans(),
        ways,
    )
    def law(command: str, said: str, polite: bool, way: Way) -> None:
        text = _TELLING.format(python=sys.executable, said=said, polite=polite)
        make(place / "program", text.encode())
        check_verb(shlex.split(command), way)

    law()


def test_the_environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables are input too."""
    monkeypatch.chdir(place)

    @few
    @given(
        st.sampled_from(["PLATFORM_ABI_POLICY", HOST_VARIABLE, "PLATFORM_ABI_QEMU"]), a_name, ways
    )
    def law(name: str, said: str, way: Way) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(name, said)
            check_verb(["platforms", "--host", "host.json"], way)
            check_verb(
                ["run", "--print-args", "--", "-M", "pc-q35-9.1", "-platform", "linux-6.9"], way
            )

    law()
