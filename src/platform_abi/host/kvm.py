"""What KVM offers: asked of /dev/kvm and of a virtual machine that nothing ever runs in.

Requests are those of include/uapi/linux/kvm.h. Extensions are asked of the virtual machine, as
QEMU does (accel/kvm/kvm-all.c, kvm_vm_check_extension): it may have more than /dev/kvm says.
"""

from __future__ import annotations

import errno
import fcntl
import struct
from array import array
from collections.abc import Sequence

from platform_abi.host.cpuid import (
    FEATURE_REGISTERS,
    NUMBERS,
    bit_name,
    bit_of,
    mask_name,
    msr_name,
)
from platform_abi.host.nodes import opened
from platform_abi.host.reply import Question, all_unknown, errno_name, say, say_set
from platform_abi.host.requests import request

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from platform_abi.host.cpuid import Register
    from platform_abi.host.kvm_vm import Vm

    #: EAX, EBX, ECX and EDX, by leaf and subleaf.
    Cpuid = dict[tuple[int, int], tuple[int, int, int, int]]

_API_VERSION = 12

_GET_API_VERSION = request(0xAE00)
_CREATE_VM = request(0xAE01)
_CHECK_EXTENSION = request(0xAE03)
_CREATE_VCPU = request(0xAE41)
_CREATE_IRQCHIP = 0xAE60
_GET_SUPPORTED_CPUID = 0xC008AE05
_GET_MSR_FEATURE_INDEX_LIST = 0xC004AE0A
_GET_MSRS = 0xC008AE88
_GET_TSC_KHZ = 0xAEA3
_GET_DEVICE_ATTR = request(0x4018AEE2)

_CAP_HYPERV = 44
_CAP_TSC_CONTROL = 60
_CAP_GET_TSC_KHZ = 61
_CAP_MAX_VCPUS = 66
_CAP_CHECK_EXTENSION_VM = 105
_CAP_GET_MSR_FEATURES = 153
_CAP_ARM_VM_IPA_SIZE = 165
_CAP_SYS_HYPERV_CPUID = 191
_CAP_SYS_ATTRIBUTES = 209

#: What the methods of ``kvm_ppc`` begin with.
_OF_POWER = "kvm-ppc-"

#: Numbers of extensions are asked up to here; 245 were given away in Linux 7.0.
_EXTENSIONS = 512


def answer(questions: Sequence[Question]) -> None:
    """Answer *questions*, which are all about one node, and say what else KVM offers."""
    descriptor = opened(questions)
    if descriptor is None:
        return
    try:
        version = fcntl.ioctl(descriptor, _GET_API_VERSION, 0)
    except OSError as error:
        all_unknown(questions, f"{errno_name(error)} from KVM_GET_API_VERSION")
        return
    if version != _API_VERSION:
        all_unknown(questions, f"KVM_GET_API_VERSION: {version}, not {_API_VERSION}")
        return
    kvm = _Kvm(descriptor)
    asked = {name: [q for q in questions if q.method == name] for name in _METHODS}
    for name, answer_these in _METHODS.items():
        if asked[name]:
            answer_these(kvm, asked[name])
    others = [question for question in questions if question.method not in _METHODS]
    of_s390 = [question for question in others if question.method in _OF_S390]
    of_power = [question for question in others if question.method.startswith(_OF_POWER)]
    of_vcpu = [q for q in others if q not in of_s390 and q not in of_power]
    if of_s390:
        from platform_abi.host import kvm_s390

        kvm_s390.answer(kvm.machine, kvm.refusal, of_s390)
    if of_power:
        from platform_abi.host import kvm_ppc

        kvm_ppc.answer(kvm.system, kvm.machine, kvm.refusal, of_power)
    if of_vcpu:
        from platform_abi.host import kvm_vm

        kvm_vm.answer(_other_vm(of_vcpu), kvm.system, kvm.machine, kvm.refusal, of_vcpu)
    kvm.say_limits()
    if of_vcpu:
        from platform_abi.host import kvm_arm

        # Last, for a processor that traps it would end this process.
        kvm_arm.say_frequency()


def _other_vm(questions: Sequence[Question]) -> type[Vm]:
    """Return the kind of virtual machine that *questions* are about, which are of one architecture.

    What is asked of any is asked of Arm's.
    """
    methods = [question.method for question in questions]
    if any(method.startswith("kvm-riscv-") for method in methods):
        from platform_abi.host.kvm_riscv import RiscvVm

        return RiscvVm
    if any(method.startswith("kvm-loongarch-") for method in methods):
        from platform_abi.host.kvm_loongarch import LoongArchVm

        return LoongArchVm
    from platform_abi.host.kvm_arm import ArmVm

    return ArmVm


class _Kvm:
    """One open /dev/kvm and the virtual machine that was made for asking."""

    def __init__(self, system: int) -> None:
        self.system = system
        self.machine = -1
        self._cpu = -1
        self.refusal = ""
        try:
            self.machine = self._create()
        except OSError as error:
            self.refusal = f"{errno_name(error)} from KVM_CREATE_VM"
        on_machine = not self.refusal and self.system_extension(_CAP_CHECK_EXTENSION_VM)
        self._asked = self.machine if on_machine else system

    def _create(self) -> int:
        """Return a new virtual machine, of the usual type or of as many address bits as there are.

        The usual one of Arm has 40 bits, which some processors have not.
        """
        try:
            return fcntl.ioctl(self.system, _CREATE_VM, 0)
        except OSError as error:
            bits = self.system_extension(_CAP_ARM_VM_IPA_SIZE)
            if error.errno != errno.EINVAL or bits <= 0:
                raise
            return fcntl.ioctl(self.system, _CREATE_VM, bits)

    def system_extension(self, number: int) -> int:
        return fcntl.ioctl(self.system, _CHECK_EXTENSION, number)

    def extension(self, number: int) -> int:
        return fcntl.ioctl(self._asked, _CHECK_EXTENSION, number)

    def answer_extensions(self, questions: Sequence[Question]) -> None:
        """Answer by number, the low 16 bits of an argument, and by the mask above it, if any."""
        if self.refusal:
            all_unknown(questions, self.refusal)
            return
        for question in questions:
            number, mask = question.argument & 0xFFFF, question.argument >> 16
            name = f"KVM_CAP {number}" + (f" & {mask:#x}" if mask else "")
            try:
                found = fcntl.ioctl(self._asked, question.request, number)
            except OSError as error:
                question.unknown(f"{errno_name(error)} from {name}")
                continue
            question.ioctl(found & mask == mask if mask else found != 0, name)

    def answer_cpuid(self, questions: Sequence[Question]) -> None:
        try:
            leaves = _cpuid(self.system, questions[0].request)
        except OSError as error:
            # Other architectures than x86 have no such request and say EINVAL or ENOTTY.
            for question in questions:
                question.refused(error, "KVM_GET_SUPPORTED_CPUID")
            return
        self._add_permitted(leaves)
        _answer_bits(leaves, questions)
        _say_masks(leaves, FEATURE_REGISTERS | {bit_of(q.argument)[0] for q in questions})
        widths = leaves.get((0x8000_0008, 0), (0, 0, 0, 0))[0]
        _say_number("kvm.phys-bits", widths & 0xFF)
        _say_number("kvm.guest-phys-bits", widths >> 16 & 0xFF)

    def _add_permitted(self, leaves: Cpuid) -> None:
        """Add to leaf 0xD what a process gets only after asking for it with arch_prctl(2).

        QEMU does both (target/i386/kvm/kvm.c, kvm_arch_get_supported_cpuid).
        """
        if (0xD, 0) not in leaves or not self.system_extension(_CAP_SYS_ATTRIBUTES):
            return
        found = array("Q", [0])
        try:
            fcntl.ioctl(
                self.system,
                _GET_DEVICE_ATTR,
                # group 0, KVM_X86_XCOMP_GUEST_SUPP
                struct.pack("=IIQQ", 0, 0, 0, found.buffer_info()[0]),
            )
        except OSError:
            return
        eax, ebx, ecx, edx = leaves[0xD, 0]
        low, high = found[0] & 0xFFFF_FFFF, found[0] >> 32
        leaves[0xD, 0] = eax | low, ebx, ecx, edx | high

    def answer_hyperv(self, questions: Sequence[Question]) -> None:
        """Answer by leaf. EINVAL is a KVM without Hyper-V, unless an extension says otherwise."""
        on_system = self.system_extension(_CAP_SYS_HYPERV_CPUID)
        if self.refusal and not on_system:
            all_unknown(questions, self.refusal)
            return
        try:
            leaves = _cpuid(self.system if on_system else self._make_cpu(), questions[0].request)
        except OSError as error:
            absent = error.errno == errno.EINVAL and not self.extension(_CAP_HYPERV)
            for question in questions:
                if absent:
                    question.ioctl(False, "no KVM_CAP_HYPERV")
                else:
                    question.unknown(f"{errno_name(error)} from KVM_GET_SUPPORTED_HV_CPUID")
            return
        _answer_bits(leaves, questions)
        _say_masks(leaves, {bit_of(q.argument)[0] for q in questions})

    def _make_cpu(self) -> int:
        """Return the one vCPU; with an interrupt controller, as SynIC depends on it."""
        if self._cpu < 0:
            fcntl.ioctl(self.machine, _CREATE_IRQCHIP, 0)
            self._cpu = fcntl.ioctl(self.machine, _CREATE_VCPU, 0)
        return self._cpu

    def answer_mce(self, questions: Sequence[Question]) -> None:
        name = "KVM_X86_GET_MCE_CAP_SUPPORTED"
        for question in questions:
            try:
                word = fcntl.ioctl(self.system, question.request, bytes(8))
            except OSError as error:
                question.refused(error, name)
                continue
            found: int = struct.unpack("=Q", word)[0]
            question.ioctl(
                found & question.argument == question.argument, f"{name} {question.argument:#x}"
            )

    def say_limits(self) -> None:
        """Say which extensions and MSRs there are, what the MSRs hold, and how many vCPUs."""
        if self.system_extension(_CAP_GET_MSR_FEATURES):
            numbers = _msr_features(self.system)
            say_set("kvm.msr-features", [f"{msr:#x}" for msr in numbers])
            for msr in numbers:
                value = _msr(self.system, msr)
                if value is not None:
                    say("value", msr_name(msr), f"{value:#x}")
        if not self.refusal:
            found = [str(n) for n in range(_EXTENSIONS) if self.extension(n) > 0]
            say_set("kvm.extensions", found)
            _say_number("kvm.max-vcpus", self.extension(_CAP_MAX_VCPUS))
            _say_number("kvm.tsc-khz", self._tsc_khz())

    def _tsc_khz(self) -> int:
        """Return the frequency at which the TSC of a new guest runs, in kHz; 0 where none is told.

        Where it can be scaled nothing depends on it, and it is left out: kernels measure it, so
        that no two hosts would be alike. KVM tells it of a virtual machine since Linux 5.16, and
        of a vCPU before that.
        """
        if self.extension(_CAP_TSC_CONTROL) or not self.extension(_CAP_GET_TSC_KHZ):
            return 0
        try:
            return fcntl.ioctl(self.machine, _GET_TSC_KHZ, 0)
        except OSError:
            pass
        try:
            return fcntl.ioctl(self._make_cpu(), _GET_TSC_KHZ, 0)
        except OSError:
            return 0


_METHODS = {
    "kvm-extension": _Kvm.answer_extensions,
    "kvm-cpuid": _Kvm.answer_cpuid,
    "kvm-mce-cap": _Kvm.answer_mce,
    "kvm-hv-cpuid": _Kvm.answer_hyperv,
}


#: What ``kvm_s390`` answers; ``kvm_arm`` answers the rest.
_OF_S390 = frozenset({"kvm-vm-attribute", "kvm-s390-model", "kvm-s390-feature"})


def _cpuid(descriptor: int, request: int, count: int = 128) -> Cpuid:
    """Return the leaves that a request fills in; *count* are expected (struct kvm_cpuid2)."""
    while True:
        buffer = bytearray(8 + 40 * count)
        struct.pack_into("=I", buffer, 0, count)
        try:
            fcntl.ioctl(descriptor, request, buffer)
        except OSError as error:
            if error.errno != errno.E2BIG or count > 4096:  # noqa: PLR2004 - KVM has 256 at most
                raise
            count *= 2
            continue
        break
    filled: int = struct.unpack_from("=I", buffer)[0]
    leaves: Cpuid = {}
    for entry in range(min(filled, count)):
        leaf, index, _, *registers = struct.unpack_from("=IIIIIII", buffer, 8 + 40 * entry)
        leaves.setdefault((leaf, index), tuple(registers))
    return leaves


def _msr_features(descriptor: int) -> list[int]:
    """Return the MSRs that KVM_GET_MSRS on /dev/kvm tells, which are features of their own."""
    buffer = bytearray(4 + 4 * 1024)
    struct.pack_into("=I", buffer, 0, 1024)
    try:
        fcntl.ioctl(descriptor, _GET_MSR_FEATURE_INDEX_LIST, buffer)
    except OSError:
        return []
    count: int = struct.unpack_from("=I", buffer)[0]
    return sorted(struct.unpack_from(f"={count}I", buffer, 4))


def _msr(descriptor: int, number: int) -> int | None:
    """Return what the feature MSR *number* holds on this host (struct kvm_msrs); None for no."""
    buffer = bytearray(struct.pack("=IIIIQ", 1, 0, number, 0, 0))
    try:
        # It returns how many it has filled in.
        if fcntl.ioctl(descriptor, _GET_MSRS, buffer) != 1:
            return None
    except OSError:
        return None
    value: int = struct.unpack_from("=Q", buffer, 16)[0]
    return value


def _answer_bits(leaves: Cpuid, questions: Sequence[Question]) -> None:
    for question in questions:
        register, bit = bit_of(question.argument)
        question.ioctl(bool(_register(leaves, register) >> bit & 1), bit_name(register, bit))


def _say_masks(leaves: Cpuid, registers: frozenset[Register] | set[Register]) -> None:
    for register in sorted(registers - NUMBERS):
        say("mask", mask_name(register), _register(leaves, register))


def _register(leaves: Cpuid, register: Register) -> int:
    leaf, subleaf, number = register
    return leaves.get((leaf, subleaf), (0, 0, 0, 0))[number]


def _say_number(key: str, found: int) -> None:
    if found > 0:
        say("number", key, found)
