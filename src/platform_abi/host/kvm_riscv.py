"""What KVM shows on RISC-V: extensions of the ISA and of SBI, identities, sizes and frequencies.

Numbers of registers are those of arch/riscv/include/uapi/asm/kvm.h. A vCPU is new and never runs:
what it has by itself is what a guest of QEMU's finds (target/riscv/kvm/kvm-cpu.c, 10.2), and only
then can an extension be switched off.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping

from platform_abi.host import one_reg
from platform_abi.host.kvm_vm import Vm
from platform_abi.host.reply import Question, errno_name, say, say_set

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

#: KVM_REG_RISCV and 64 bits; kinds of register, which follow in bits 24 and up, and their numbers.
_OF_64_BITS = 0x8030_0000_0000_0000
_KIND_SHIFT = 24
_CONFIG, _TIMER, _ISA, _SBI, _VECTOR = 1, 4, 7, 8, 9

#: Which numbers of a report are in which registers; vlenb is in bytes.
_NUMBERS = {
    "kvm.riscv.cbom-block-size": (_CONFIG, 1),
    "kvm.riscv.mvendorid": (_CONFIG, 2),
    "kvm.riscv.marchid": (_CONFIG, 3),
    "kvm.riscv.mimpid": (_CONFIG, 4),
    "kvm.riscv.cboz-block-size": (_CONFIG, 5),
    "kvm.riscv.satp-mode": (_CONFIG, 6),
    "kvm.riscv.timer-frequency": (_TIMER, 0),
}
_VLENB = (_VECTOR, 4)

#: What KVM says of a register that it has not: EINVAL up to Linux 6.6, ENOENT from then on.
_NO_REGISTER = frozenset({errno.EINVAL, errno.ENOENT})


def _number(kind: int, index: int) -> int:
    return _OF_64_BITS | kind << _KIND_SHIFT | index


class RiscvVm(Vm):
    """The virtual machine, whose vCPU is as KVM makes it."""

    def registers(self, question: Question) -> None:
        """Say the registers of a vCPU, what those hold that describe it, and which can be 0."""
        self._say_numbers()
        names = one_reg.listed(self.vcpu())
        say_set("kvm.riscv.registers", [f"{name:016x}" for name in names])
        for name in names:
            if name >> _KIND_SHIFT in {_number(kind, 0) >> _KIND_SHIFT for kind in (_ISA, _SBI)}:
                try:
                    value = self.read(name)
                except OSError:
                    continue
                say("value", f"kvm.riscv.register.{name:016x}", f"{value:#x}")
                isa = name >> _KIND_SHIFT == _number(_ISA, 0) >> _KIND_SHIFT
                if isa and value and self._switches_off(name, value):
                    say("value", f"kvm.riscv.writable.{name:016x}", "0x1")
        question.ioctl(True, f"{len(names)} registers")

    def _say_numbers(self) -> None:
        """Say every number that KVM tells; vectors of 0 bits are none."""
        for key, (kind, index) in _NUMBERS.items():
            try:
                say("number", key, self.read(_number(kind, index)))
            except OSError:
                continue
        try:
            say("number", "kvm.riscv.vector-bits", 8 * self.read(_number(*_VLENB)))
        except OSError as error:
            if error.errno in _NO_REGISTER:
                say("number", "kvm.riscv.vector-bits", 0)

    def _switches_off(self, name: int, value: int) -> bool:
        """Return whether an extension can be switched off; it is as it was afterwards."""
        try:
            one_reg.write(self.vcpu(), name, 0)
            one_reg.write(self.vcpu(), name, value)
        except OSError:
            return False
        return True

    def isa(self, question: Question) -> None:
        """Answer whether guests have an extension of the ISA, by KVM's number of it."""
        self._extension(question, _ISA)

    def sbi(self, question: Question) -> None:
        """Answer whether KVM has an extension of SBI, switched on or not, by its number."""
        self._extension(question, _SBI)

    def _extension(self, question: Question, kind: int) -> None:
        name = _number(kind, question.argument)
        self.vcpu()
        try:
            value = self.read(name)
        except OSError as error:
            if error.errno not in _NO_REGISTER:
                raise
            question.ioctl(False, f"{errno_name(error)} from KVM_GET_ONE_REG {name:#x}")
        else:
            question.ioctl(value != 0 or kind == _SBI, f"KVM_GET_ONE_REG {name:#x}: {value}")

    METHODS: ClassVar[Mapping[str, Callable[[Any, Question], None]]] = {
        "kvm-device": Vm.device,
        "kvm-riscv-registers": registers,
        "kvm-riscv-isa": isa,
        "kvm-riscv-sbi": sbi,
    }
