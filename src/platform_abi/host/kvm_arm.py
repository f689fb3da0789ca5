"""What KVM shows on Arm: interrupt controllers, address bits, and the registers of a vCPU.

Requests, sizes and names are those of include/uapi/linux/kvm.h and of the same file of Arm,
arch/arm64/include/uapi/asm/kvm.h. A vCPU is made with every feature that KVM has, as QEMU makes its
own (target/arm/kvm.c, kvm_arm_get_host_cpu_features), and never runs.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from array import array
from collections.abc import Callable, Iterator, Mapping

from platform_abi.host import one_reg
from platform_abi.host.kvm_vm import Vm
from platform_abi.host.reply import Question, errno_name, say, say_set

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

_CHECK_EXTENSION = 0xAE03
_CREATE_DEVICE = 0xC00CAEE0
_HAS_DEVICE_ATTR = 0x4018AEE3
_VCPU_INIT = 0x4020AEAE
_PREFERRED_TARGET = 0x8020AEAF
_GET_REG_WRITABLE_MASKS = 0x8040AEB6
_VCPU_FINALIZE = 0x4004AEC2

_CAP_IPA_SIZE = 165
_CAP_REG_MASK_RANGES = 230

#: What a guest had before KVM_CAP_ARM_VM_IPA_SIZE (Linux 4.20).
_OLD_IPA = 40

#: By bit of struct kvm_vcpu_init, the extensions that KVM has to have for it.
_VCPU_FEATURES = {
    2: (),  # KVM_ARM_VCPU_PSCI_0_2
    3: (126,),  # _PMU_V3
    4: (170,),  # _SVE
    5: (171, 172),  # _PTRAUTH_ADDRESS, which goes with the next
    6: (171, 172),  # _PTRAUTH_GENERIC
}
_SVE = 4

_SVE_VLS = 0x606000000015FFFF
_PSCI_VERSION = 0x6030000000140000

#: KVM_REG_ARM64 and 64 bits; what follows is the kind of register and its number.
_OF_64_BITS = 0x6030000000000000

#: Registers that say what a vCPU is, by kind (KVM_REG_ARM_COPROC): of system registers only those
#: of CRn 0, which identify, and PMCR_EL0; firmware's registers; and its bitmaps.
_SYSTEM, _FIRMWARE, _SERVICES = 0x13, 0x14, 0x16
_PMCR = 0xDCE0
_CRN = 0x0780

#: How many registers KVM_ARM_GET_REG_WRITABLE_MASKS is about: op1 0, 1 and 3 of op0 3 and CRn 0.
_MASKS = 3 * 8 * 8
_OP1_OF_MASKS = (0, 1, 3)


class ArmVm(Vm):
    """The virtual machine, whose vCPU has every feature that KVM has."""

    def __init__(self, system: int, machine: int) -> None:
        super().__init__(system, machine)
        self._lengths: list[int] = []

    def attribute(self, question: Question) -> None:
        """Answer whether a device has the first register of a group; it belongs to a vCPU."""
        self.vcpu()
        kind, group = question.argument & 0xFFFF, question.argument >> 16
        name = f"KVM_HAS_DEVICE_ATTR {group} of device {kind}"
        try:
            descriptor = self.make_device(_CREATE_DEVICE, kind, 0)
            fcntl.ioctl(descriptor, question.request, struct.pack("=IIQQ", 0, group, 0, 0))
        except OSError as error:
            if error.errno not in {errno.ENODEV, errno.ENXIO}:
                raise
            question.ioctl(False, f"{errno_name(error)} from {name}")
        else:
            question.ioctl(True, name)

    def ipa(self, question: Question) -> None:
        """Answer whether a guest can have so many bits of addresses, and say how many."""
        bits = fcntl.ioctl(self.system, _CHECK_EXTENSION, _CAP_IPA_SIZE)
        bits = bits if bits > 0 else _OLD_IPA
        say("number", "kvm.ipa-bits", bits)
        question.ioctl(bits >= question.argument, f"KVM_CAP_ARM_VM_IPA_SIZE {bits}")

    def registers(self, question: Question) -> None:
        """Say the registers of a vCPU, what is in those that describe it, and what is writable."""
        names = one_reg.listed(self.vcpu())
        say_set("kvm.arm64.registers", [f"{name:016x}" for name in names])
        for name in names:
            if _describes(name):
                try:
                    value = self.read(name)
                except OSError:
                    continue
                say("value", f"kvm.arm64.register.{name:016x}", f"{value:#x}")
        for name, mask in self._writable():
            say("value", f"kvm.arm64.writable.{name:016x}", f"{mask:#x}")
        question.ioctl(True, f"{len(names)} registers")

    def psci(self, question: Question) -> None:
        """Answer whether PSCI is of such a version; that of a new vCPU is the newest."""
        version = self.read(_PSCI_VERSION)
        question.ioctl(version >= question.argument, f"PSCI {version >> 16}.{version & 0xFFFF}")

    def vectors(self, question: Question) -> None:
        """Answer whether vectors have such a length, in bits."""
        self.vcpu()
        known = " ".join(map(str, self._lengths)) or "none"
        question.ioctl(question.argument in self._lengths, f"lengths of vectors: {known}")

    def prepare(self) -> Iterator[str]:
        """Give the vCPU what it can have, and learn which lengths its vectors have."""
        yield "KVM_ARM_PREFERRED_TARGET"
        wanted = bytearray(32)
        fcntl.ioctl(self.machine, _PREFERRED_TARGET, wanted)
        features = self._features()
        struct.pack_into("=I", wanted, 4, features)
        yield "KVM_ARM_VCPU_INIT"
        fcntl.ioctl(self.cpu, _VCPU_INIT, wanted)
        yield "KVM_ARM_VCPU_FINALIZE"
        if features >> _SVE & 1:
            self._lengths = self._vector_lengths()
            fcntl.ioctl(self.cpu, _VCPU_FINALIZE, struct.pack("=i", _SVE))
        say_set("kvm.arm64.sve-lengths", [str(length) for length in self._lengths])

    def _features(self) -> int:
        """Return the bits of what a vCPU can have, the first 32 of them."""
        return sum(
            1 << bit
            for bit, needed in _VCPU_FEATURES.items()
            if all(self.extension(number) > 0 for number in needed)
        )

    def _vector_lengths(self) -> list[int]:
        """Return the lengths that vectors can have, in bits: bit N is that of (N + 1) * 128."""
        word = self.read(_SVE_VLS)
        return [(bit + 1) * 128 for bit in range(512) if word >> bit & 1]

    def _writable(self) -> list[tuple[int, int]]:
        """Return which bits of which ID registers can be written (struct reg_mask_range)."""
        if self.extension(_CAP_REG_MASK_RANGES) <= 0:
            return []
        masks = array("Q", bytes(8 * _MASKS))
        wanted = struct.pack("=QI52x", masks.buffer_info()[0], 0)
        try:
            fcntl.ioctl(self.machine, _GET_REG_WRITABLE_MASKS, wanted)
        except OSError:
            return []
        return [(_masked(index), mask) for index, mask in enumerate(masks) if mask]

    METHODS: ClassVar[Mapping[str, Callable[[Any, Question], None]]] = {
        "kvm-device": Vm.device,
        "kvm-device-attribute": attribute,
        "kvm-arm-ipa": ipa,
        "kvm-arm-registers": registers,
        "kvm-arm-psci": psci,
        "kvm-arm-sve": vectors,
    }


def _masked(index: int) -> int:
    """Return the register that is *index* of the masks (KVM_ARM_FEATURE_ID_RANGE_INDEX)."""
    op1 = _OP1_OF_MASKS[index >> 6]
    return _OF_64_BITS | _SYSTEM << 16 | 3 << 14 | op1 << 11 | index & 0x3F


def _describes(name: int) -> bool:
    """Return whether register *name* says what a vCPU is, rather than what it is doing."""
    kind, number = name >> 16 & 0xFFF, name & 0xFFFF
    if kind == _SYSTEM:
        return number == _PMCR or (number >> 14 == 3 and not number & _CRN)  # noqa: PLR2004 - op0
    return kind in {_FIRMWARE, _SERVICES}


#: ``mrs x0, cntfrq_el0`` and ``ret``.
_READ_FREQUENCY = struct.pack("<II", 0xD53BE000, 0xD65F03C0)

#: PROT_READ | PROT_EXEC and MAP_PRIVATE of mmap(2).
_READ_AND_EXECUTE, _PRIVATE = 5, 2


def say_frequency() -> None:
    """Say at which frequency the generic timer counts, in Hz, where this process is Arm's own.

    Linux lets every process read the register and has no file that tells what is in it. A policy
    that allows no code of a program's own (SELinux, execmem) leaves it unsaid.
    """
    if os.uname().machine != "aarch64":
        return
    import ctypes

    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    # What is mapped from a file to be run is coherent with the caches of instructions; memory that
    # was written to would have to be made so.
    file = os.memfd_create("frequency")
    os.write(file, _READ_FREQUENCY)
    where = libc.mmap(None, len(_READ_FREQUENCY), _READ_AND_EXECUTE, _PRIVATE, file, 0)
    if where != ctypes.c_void_p(-1).value:
        say("number", "cpu.cntfrq", ctypes.CFUNCTYPE(ctypes.c_uint64)(where)())
