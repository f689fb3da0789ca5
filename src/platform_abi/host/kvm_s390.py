"""What KVM shows on s390x: attributes of a virtual machine, and the CPU model that it can give.

Requests and structures are those of include/uapi/linux/kvm.h and of the same file of s390,
arch/s390/include/uapi/asm/kvm.h. IBM counts bits from the left: bit N of a mask that is said here
is the one that it calls N, beginning anew every 64.
"""

from __future__ import annotations

import errno
import fcntl
import struct
from array import array
from collections.abc import Sequence

from platform_abi.host.reply import Question, all_unknown, errno_name, say

_CHECK_EXTENSION = 0xAE03
_ENABLE_CAP = 0x4068AEA3

#: KVM_S390_VM_CPU_MODEL, and what it has of the machine, with sizes in bytes.
_CPU_MODEL = 3
_MACHINE, _MACHINE_FEAT, _MACHINE_SUBFUNC, _MACHINE_UV_FEAT = 1, 3, 5, 7
_SIZES = {_MACHINE: 4112, _MACHINE_FEAT: 128, _MACHINE_SUBFUNC: 2048, _MACHINE_UV_FEAT: 8}

#: What QEMU enables before it asks, for it adds facilities (target/s390x/kvm/kvm.c,
#: kvm_arch_init): vector registers, runtime instrumentation, guarded storage, topology.
_ENABLED = (107, 124, 140, 222)
#: Suppression of adapter interrupts, which it enables only where the second is there.
_AIS, _AIS_MIGRATION = 141, 150

#: Where facilities begin in struct kvm_s390_vm_cpu_machine, and how many of their doublewords are
#: told: the architecture has given away fewer than 256.
_FACILITIES, _DOUBLEWORDS = 16, 4

#: The generation that the first number of an IBC value counts from (S390_GEN_Z10).
_Z10 = 10

#: The parts of struct kvm_s390_vm_cpu_subfunc, in their order, with their sizes in bytes.
_SUBFUNCTIONS = {
    "plo": 32, "ptff": 16, "kmac": 16, "kmc": 16, "km": 16, "kimd": 16, "klmd": 16, "pckmo": 16,
    "kmctr": 16, "kmf": 16, "kmo": 16, "pcc": 16, "ppno": 16, "kma": 16, "kdsa": 16, "sortl": 32,
    "dfltcc": 32, "pfcr": 16,
}  # fmt: skip

#: Extensions of which the report has masks: those by which QEMU adds features to what it was told.
_EXTENSIONS = (152, 180, 186, 222)

#: Attributes of which the report has a mask, by group: those of memory and of crypto.
_ASKED = {0: (0, 1), 2: (0, 1, 4)}


class S390Vm:
    """A virtual machine for asking, with everything enabled that QEMU enables."""

    def __init__(self, machine: int) -> None:
        self._machine = machine
        self._answers: dict[int, bytes] = {}
        self._enable()

    def _enable(self) -> None:
        wanted = list(_ENABLED)
        if fcntl.ioctl(self._machine, _CHECK_EXTENSION, _AIS_MIGRATION) > 0:
            wanted.append(_AIS)
        for number in wanted:
            try:
                fcntl.ioctl(self._machine, _ENABLE_CAP, struct.pack("=II96x", number, 0))
            except OSError:
                continue  # the machine has it not

    def answer(self, questions: Sequence[Question]) -> None:
        """Answer *questions*, each by its method."""
        for question in questions:
            try:
                _METHODS[question.method](self, question)
            except OSError as error:
                question.refused(error, question.symbol)

    def attribute(self, question: Question) -> None:
        """Answer whether a virtual machine has such an attribute."""
        group, attribute = question.argument >> 16, question.argument & 0xFFFF
        here = self._has(question.request, group, attribute)
        name = f"KVM_HAS_DEVICE_ATTR {attribute} of group {group}"
        question.ioctl(here, name if here else f"ENXIO from {name}")

    def _has(self, request: int, group: int, attribute: int) -> bool:
        try:
            fcntl.ioctl(self._machine, request, struct.pack("=IIQQ", 0, group, attribute, 0))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return False
        return True

    def model(self, question: Question) -> None:
        """Answer whether KVM has CPU models, and say what it can give a guest."""
        machine = self._attribute(question.request, _MACHINE)
        # In memory they are as the machine has them, whatever reads them.
        cpuid, ibc = struct.unpack_from(">QI", machine)
        features = self._attribute(question.request, _MACHINE_FEAT)
        functions = self._attribute(question.request, _MACHINE_SUBFUNC)
        say("value", "kvm.s390.cpu-type", f"{cpuid >> 16 & 0xFFFF:#06x}")
        say("value", "kvm.s390.ibc", f"{ibc:#010x}")
        _say_generation(ibc & 0xFFF)
        _say_masks("stfle", machine[_FACILITIES:], _DOUBLEWORDS)
        _say_masks("feature", features, 1)
        at = 0
        for name, size in _SUBFUNCTIONS.items():
            _say_masks(name, functions[at:], size // 8)
            at += size
        self._say_rest(question.request)
        question.ioctl(True, "KVM_S390_VM_CPU_MACHINE and its features and subfunctions")

    def _say_rest(self, request: int) -> None:
        """Say what is no part of a CPU model to KVM, and is one to QEMU."""
        has = request + 1  # KVM_HAS_DEVICE_ATTR
        for group, attributes in _ASKED.items():
            mask = sum(1 << n for n in attributes if self._has(has, group, n))
            say("mask", f"kvm.s390.attribute.{group}", mask)
        masks = dict.fromkeys((number // 64 for number in _EXTENSIONS), 0)
        for number in _EXTENSIONS:
            if fcntl.ioctl(self._machine, _CHECK_EXTENSION, number) > 0:
                masks[number // 64] |= 1 << number % 64
        for index, mask in masks.items():
            say("mask", f"kvm.s390.extension.{index}", mask)
        try:
            _say_masks("uv", self._attribute(request, _MACHINE_UV_FEAT), 1)
        except OSError:
            say("mask", "kvm.s390.uv.0", 0)

    def feature(self, question: Question) -> None:
        """Answer whether such a bit is set in an attribute of the machine."""
        attribute, bit = question.argument >> 16, question.argument & 0xFFFF
        try:
            word = self._attribute(question.request, attribute)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            question.ioctl(False, f"ENXIO from {question.symbol}")
            return
        question.ioctl(bool(word[bit // 8] >> (7 - bit % 8) & 1), f"{question.symbol} bit {bit}")

    def _attribute(self, request: int, attribute: int) -> bytes:
        """Return what KVM_GET_DEVICE_ATTR fills in for *attribute* of the CPU model."""
        if attribute not in self._answers:
            words = array("B", bytes(_SIZES[attribute]))
            where = words.buffer_info()[0]
            fcntl.ioctl(
                self._machine, request, struct.pack("=IIQQ", 0, _CPU_MODEL, attribute, where)
            )
            self._answers[attribute] = words.tobytes()
        return self._answers[attribute]


def _say_generation(newest: int) -> None:
    """Say which generations the machine can be told to be, by the *newest* (target/s390x, ibc_gen).

    Bit 8 * G + S stands for step S of generation G, the 16th of which is the z16. A machine that
    cannot be told to be anything says nothing of its own generation.
    """
    if newest:
        bits = (1 << (8 * ((newest >> 4) + _Z10) + (newest & 0xF) + 1)) - 1
        for index in range(3):
            say("mask", f"kvm.s390.generation.{index}", bits >> 64 * index & (1 << 64) - 1)


def _say_masks(name: str, found: bytes, doublewords: int) -> None:
    """Say the first *doublewords* of *found*, each with its bits the other way round."""
    for index in range(doublewords):
        word = int.from_bytes(found[8 * index : 8 * index + 8], "big")
        say("mask", f"kvm.s390.{name}.{index}", int(f"{word:064b}"[::-1], 2))


_METHODS = {
    "kvm-vm-attribute": S390Vm.attribute,
    "kvm-s390-model": S390Vm.model,
    "kvm-s390-feature": S390Vm.feature,
}


def answer(machine: int, refusal: str, questions: Sequence[Question]) -> None:
    """Answer *questions* of a *machine*, or with why there is none."""
    if refusal:
        all_unknown(questions, refusal)
        return
    try:
        asked = S390Vm(machine)
    except OSError as error:
        all_unknown(questions, f"{errno_name(error)} from KVM_CHECK_EXTENSION")
        return
    asked.answer(questions)
