"""What KVM shows on LoongArch: features of the virtual machine, and which bits of CPUCFG it allows.

Groups and numbers are those of arch/loongarch/include/uapi/asm/kvm.h.
"""

from __future__ import annotations

import errno
import fcntl
import struct
from array import array
from collections.abc import Callable, Mapping

from platform_abi.host.kvm_vm import Vm
from platform_abi.host.reply import Question, errno_name, say

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

_GET_DEVICE_ATTR = 0x4018AEE2

#: KVM_LOONGARCH_VM_FEAT_CTRL of the virtual machine, and KVM_LOONGARCH_VCPU_CPUCFG of the vCPU.
_FEATURES = 0
_CPUCFG = 0

#: Words of CPUCFG that KVM checks against the processor (arch/loongarch/kvm/vcpu.c,
#: kvm_check_cpucfg): what QEMU asks for and a mask has not, a guest does not get.
_WORDS = (2, 3, 6)


class LoongArchVm(Vm):
    """The virtual machine, whose vCPU is as KVM makes it."""

    def feature(self, question: Question) -> None:
        """Answer whether the virtual machine has each feature that is a bit of the argument."""
        for bit in range(question.argument.bit_length()):
            if question.argument >> bit & 1:
                wanted = struct.pack("=IIQQ", 0, _FEATURES, bit, 0)
                try:
                    fcntl.ioctl(self.machine, question.request, wanted)
                except OSError as error:
                    if error.errno not in {errno.ENXIO, errno.EINVAL, errno.ENOTTY}:
                        raise
                    detail = f"{errno_name(error)} from KVM_HAS_DEVICE_ATTR {bit}"
                    question.ioctl(False, detail)
                    return
        question.ioctl(True, f"KVM_HAS_DEVICE_ATTR of each bit in {question.argument:#x}")

    def cpucfg(self, question: Question) -> None:
        """Say which bits of CPUCFG a guest can have; answer whether KVM tells it."""
        for word in _WORDS:
            mask = array("Q", [0])
            wanted = struct.pack("=IIQQ", 0, _CPUCFG, word, mask.buffer_info()[0])
            fcntl.ioctl(self.vcpu(), _GET_DEVICE_ATTR, wanted)
            say("value", f"kvm.loongarch.cpucfg.{word}", f"{mask[0]:#x}")
        question.ioctl(True, "KVM_GET_DEVICE_ATTR of CPUCFG")

    METHODS: ClassVar[Mapping[str, Callable[[Any, Question], None]]] = {
        "kvm-device": Vm.device,
        "kvm-loongarch-feature": feature,
        "kvm-loongarch-cpucfg": cpucfg,
    }
