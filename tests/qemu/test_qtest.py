"""qtest: what is asked arrives, what is answered is read, and what is no answer is an error.

What a real QEMU says is in ``tests/live/test_guest_view.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from platform_abi.errors import HostError
from platform_abi.qemu.qtest import Qtest, QtestError, StartError
from tests.qemu.programs import patience, running, script, token

#: Answers the start, and then as told; what it is asked goes to stderr.
_QEMU = """
    read -r line; echo 'OK 0x0000'
    while read -r line; do
        echo "$line" >&2
        {then}
    done
"""


def _program(folder: Path, then: str) -> str:
    return script(folder, _QEMU.format(then=then))


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (lambda q: q.inw(0xCF8), "inw 0xcf8"),
        (lambda q: q.inl(0xCFC), "inl 0xcfc"),
        (lambda q: q.outw(0xCF8, 7), "outw 0xcf8 0x7"),
        (lambda q: q.outl(0xCF8, 0x80000000), "outl 0xcf8 0x80000000"),
        (lambda q: q.readw(1 << 40), "readw 0x10000000000"),
        (lambda q: q.readl(16), "readl 0x10"),
        (lambda q: q.writew(16, 255), "writew 0x10 0xff"),
        (lambda q: q.writel(16, 0xFFFFFFFF), "writel 0x10 0xffffffff"),
    ],
)
def test_a_command_is_what_qemu_reads(
    tmp_path: Path, ask: Callable[[Qtest], int | None], line: str
) -> None:
    """Port or memory, its width, and numbers as C reads them; the answer is the number there."""
    with Qtest(_program(tmp_path, "echo 'OK 0x1af4'"), []) as qtest:
        assert ask(qtest) in (None, 0x1AF4)
    assert f"{line}\n" == qtest.stderr


def test_bytes_are_read_in_their_order(tmp_path: Path) -> None:
    """The first byte of memory is the first of the answer, zeros in front included."""
    with Qtest(_program(tmp_path, "echo 'OK 0x00f41a00'"), []) as qtest:
        assert b"\x00\xf4\x1a\x00" == qtest.read(0x1000, 4)
    assert "read 0x1000 0x4\n" == qtest.stderr


def test_interrupts_are_no_answers(tmp_path: Path) -> None:
    """They come unasked, before what was asked for, and in pieces like everything else."""
    then = (
        "echo 'IRQ raise 4'; printf 'IRQ lo'; sleep 0.1; printf 'wer\\nOK 0x'; sleep 0.1; echo 2a"
    )
    with Qtest(_program(tmp_path, then), []) as qtest:
        assert [0x2A, 0x2A] == [qtest.inl(0), qtest.inl(4)]


@pytest.mark.parametrize("answer", ["FAIL Unknown command", "OK nonsense", "", "NO 0x1"])
def test_what_is_no_answer_is_an_error(tmp_path: Path, answer: str) -> None:
    """Never a number."""
    with (
        Qtest(_program(tmp_path, f"echo '{answer}'"), []) as qtest,
        pytest.raises(QtestError, match="was answered by") as caught,
    ):
        qtest.inl(0)
    assert "qemu-failed" == caught.value.code
    assert not isinstance(caught.value, StartError)


def test_a_qemu_that_has_gone_or_hangs_is_an_error(tmp_path: Path) -> None:
    """With its last words as they were, which are escaped where they are printed, or its time."""
    with (
        Qtest(_program(tmp_path, "echo 'a\033[2J' >&2; exit 3"), []) as qtest,
        pytest.raises(QtestError, match="a\x1b\\[2J") as caught,
    ):
        qtest.inl(0)
    assert "qemu-failed" == caught.value.code
    hung = _program(tmp_path, "sleep 1000")
    with (
        Qtest(hung, [], timeout=patience("qemu-timeout")) as qtest,
        pytest.raises(QtestError, match="did not answer") as caught,
    ):
        qtest.inl(0)
    assert "qemu-timeout" == caught.value.code


def test_an_answer_without_end_is_an_error(tmp_path: Path) -> None:
    """It fills no memory."""
    with (
        Qtest(_program(tmp_path, "exec tr '\\\\0' x < /dev/zero"), []) as qtest,
        pytest.raises(QtestError, match="no end of a line"),
    ):
        qtest.inl(0)


def test_a_start_that_fails_says_all_of_it(tmp_path: Path) -> None:
    """The command, what it wrote, and how it ended; none of that where it had to be killed."""
    with pytest.raises(StartError) as caught:
        Qtest(script(tmp_path, "echo one >&2; echo two >&2; exit 3"), ["-a", "b"]).__enter__()
    error = caught.value
    assert ("qemu-failed", 3, "one\ntwo\n") == (error.code, error.status, error.stderr)
    assert "QEMU exited (3)" in error.message
    assert " -accel tcg -accel kvm -a b " in error.message
    assert error.message.endswith("\none\ntwo")

    word = token()
    with pytest.raises(StartError, match="did not start in time") as caught:
        Qtest(script(tmp_path, f"exec sleep {word}"), [], timeout=0.5).__enter__()
    assert ("qemu-timeout", None) == (caught.value.code, caught.value.status)
    assert [] == running(word)
    with pytest.raises(HostError) as missing:
        Qtest("/no/such", []).__enter__()
    assert "qemu-not-found" == missing.value.code


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ([], True),
        (["-machine", "q35"], True),
        (["-accel", "kvm"], False),
        (["--accel", "kvm"], False),
        (["-enable-kvm"], False),
        (["-machine", "q35,accel=kvm"], False),
    ],
)
def test_an_accelerator_is_chosen_where_nobody_chose_one(
    tmp_path: Path, words: list[str], *, chosen: bool
) -> None:
    """TCG, and KVM for a QEMU that was built without it: QEMU takes the first that it has."""
    program = script(tmp_path, 'echo "$*" >&2; read -r line; echo OK; read -r line')
    with Qtest(program, words) as qtest:
        pass
    assert chosen is qtest.stderr.startswith("-accel tcg -accel kvm ")
    assert " ".join([*words, "-S -display none -qtest stdio"]) in qtest.stderr
