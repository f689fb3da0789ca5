"""From what a QEMU showed to what the host must have: no more than follows.

Pure. The oracle observes features of the catalogue: QEMU was asked for one, and granted it or not.
What a feature requires then says what was seen of the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from platform_abi.errors import printable
from platform_abi.model.capability import NO_KERNEL, Capability
from platform_abi.model.host import Fact, State
from platform_abi.model.platform import version_key
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Observation:
    """QEMU was asked for something that needs all of *needs*; *granted* says whether it gave it.

    *detail* is what was seen, in a sentence for a report.
    """

    needs: tuple[str, ...]
    granted: bool
    detail: str


def conclude(
    capabilities: Mapping[str, Capability], observations: Iterable[Observation]
) -> dict[str, Fact]:
    """Return the facts that follow from *observations*, by capability.

    What was granted proves the newest of what it needs, for that is what QEMU must have asked the
    host for. The older ones QEMU may take for granted, and does: it offers VIRTIO_NET_F_CSUM behind
    any tap with a vnet header and never asks for TUN_F_CSUM, which came with it
    (hw/net/virtio-net.c, virtio_net_get_features). Of several equally old ones none is proven.

    What was refused proves that something of what it needs is absent; which, where all else of it
    is proven present. It outweighs what was granted: a QEMU that grants something without asking is
    no evidence, one that refuses has asked. (Seen with 7.2 to 11.1: guest_rsc_ext is offered on a
    tap without a vnet header.) Where several come into question each is unknown, with the reason.

    A capability of which nothing follows is left out.
    """
    seen = list(observations)
    facts: dict[str, Fact] = {}
    for observation in seen:
        proven = _asked_for(capabilities, observation.needs) if observation.granted else None
        if proven is not None:
            facts.setdefault(proven, _fact("present", observation.detail))
    refused = [observation for observation in seen if not observation.granted]
    for observation in refused:
        if len(set(observation.needs)) == 1:
            facts[observation.needs[0]] = _fact("absent", observation.detail)
    for observation in refused:
        left = {n for n in observation.needs if n not in facts or facts[n].state != "present"}
        if len(left) == 1:
            facts.setdefault(left.pop(), _fact("absent", observation.detail))
    for observation in refused:
        if any(name in facts and facts[name].state == "absent" for name in observation.needs):
            reason = f"{observation.detail}, which another missing capability explains"
        else:
            reason = (
                f"{observation.detail}, for want of one or more of: {', '.join(observation.needs)}"
            )
        for name in observation.needs:
            facts.setdefault(name, _fact("unknown", reason))
    return facts


def unsettled(needs: Iterable[str], reason: str) -> dict[str, Fact]:
    """Return what a QEMU was to be asked about, and was not because of *reason*: all unknown."""
    return {name: _fact("unknown", reason) for name in needs}


def _asked_for(capabilities: Mapping[str, Capability], needs: Sequence[str]) -> str | None:
    """Return the one of *needs* that is newer than all others, None where there is none such."""
    newest_first = sorted(((_age(capabilities, n), n) for n in set(needs)), reverse=True)
    if len(newest_first) > 1 and (
        newest_first[0][0] == newest_first[1][0] or any(not age for age, _ in newest_first)
    ):
        return None
    return newest_first[0][1]


#: Later than every release: of a capability that no kernel has so far.
_NEVER = (1 << 30,)


def _age(capabilities: Mapping[str, Capability], name: str) -> tuple[int, ...]:
    """Return what orders capabilities by first kernel; nothing where no kernel predicts it."""
    since = capabilities[name].since if name in capabilities else None
    if since is None:
        return ()
    return _NEVER if since == NO_KERNEL else version_key(since)


#: A report takes texts of 4096 characters; what matters of QEMU's own words comes first.
_LONGEST = 400


def _fact(state: State, detail: str) -> Fact:
    return Fact(state=state, source="oracle", detail=printable(detail)[:_LONGEST])
