"""A virtual machine for asking a KVM that is not x86's, with one vCPU that never runs.

Requests are those of include/uapi/linux/kvm.h.
"""

from __future__ import annotations

import errno
import fcntl
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence

from platform_abi.host import one_reg
from platform_abi.host.one_reg import NoAnswerError
from platform_abi.host.reply import Question, all_unknown, errno_name

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

_CHECK_EXTENSION = 0xAE03
_CREATE_VCPU = 0xAE41

_DEVICE_TEST = 1


class Vm:
    """The virtual machine; its vCPU is made when it is needed, as its architecture makes one."""

    #: Who answers a question, by its method.
    METHODS: ClassVar[Mapping[str, Callable[[Any, Question], None]]] = {}

    def __init__(self, system: int, machine: int) -> None:
        self.system = system
        self.machine = machine
        self.cpu = -1
        self._refusal = ""

    def answer(self, questions: Sequence[Question]) -> None:
        """Answer *questions*, each by its method."""
        for question in questions:
            try:
                self.METHODS[question.method](self, question)
            except NoAnswerError as error:
                question.unknown(str(error))
            except OSError as error:
                question.refused(error, question.symbol)

    def device(self, question: Question) -> None:
        """Answer whether a device of such a type can be made."""
        try:
            self.make_device(question.request, question.argument, _DEVICE_TEST)
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
            question.ioctl(False, f"ENODEV from KVM_CREATE_DEVICE {question.argument}")
        else:
            question.ioctl(True, f"KVM_CREATE_DEVICE {question.argument}")

    def make_device(self, request: int, kind: int, flags: int) -> int:
        """Return the descriptor of a new device, whatever there is where it is only tried."""
        made = bytearray(struct.pack("=III", kind, 0, flags))
        fcntl.ioctl(self.machine, request, made)
        descriptor: int = struct.unpack("=III", made)[1]
        return descriptor

    def extension(self, number: int) -> int:
        """Return what the virtual machine says of an extension."""
        return fcntl.ioctl(self.machine, _CHECK_EXTENSION, number)

    def vcpu(self) -> int:
        """Return the vCPU, made now or before; raises NoAnswerError where there can be none."""
        if self._refusal:
            raise NoAnswerError(self._refusal)
        if self.cpu < 0:
            step = "KVM_CREATE_VCPU"
            try:
                self.cpu = fcntl.ioctl(self.machine, _CREATE_VCPU, 0)
                for step in self.prepare():  # noqa: B007 - the one that fails is told
                    pass
            except OSError as error:
                self.cpu = -1
                self._refusal = f"{errno_name(error)} from {step}"
                raise NoAnswerError(self._refusal) from None
        return self.cpu

    def prepare(self) -> Iterable[str]:
        """Yield what is asked of a new vCPU first, each by name before it is asked."""
        return ()

    def read(self, name: int) -> int:
        """Return what register *name* of the vCPU holds; raises OSError."""
        return one_reg.read(self.vcpu() if self.cpu < 0 else self.cpu, name)


def answer(
    kind: type[Vm], system: int, machine: int, refusal: str, questions: Sequence[Question]
) -> None:
    """Answer *questions* of a *machine* of *kind*, or with why there is none."""
    if refusal:
        all_unknown(questions, refusal)
    else:
        kind(system, machine).answer(questions)
