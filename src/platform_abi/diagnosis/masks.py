"""Feature masks of virtio devices: which device printed them, and which bits are in question."""

from __future__ import annotations

from platform_abi.diagnosis.lacking import (
    Lacking,
    bits_of,
    follows_host,
    known_bits,
    lacking_bits,
)
from platform_abi.errors import UsageError, unknown
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import DeviceFamily
from platform_abi.model.value import frozen

#: As many as VIRTIO has.
ALL_BITS = (1 << 128) - 1


@frozen(kw_only=True)
class Reading:
    """What two masks mean if a device of *family* printed them.

    *lacking* has the bits that the guest uses and the destination does not offer. Where there are
    none, *suspects* has those that hosts decide and this destination does not offer: the bits in
    question are among them, or among what the two command lines set differently.
    """

    family: str
    lacking: tuple[Lacking, ...]
    suspects: tuple[Lacking, ...] = ()


def read_masks(
    catalogue: Catalogue, requested: int, allowed: int, family: DeviceFamily | None
) -> tuple[Reading, ...]:
    """Return what the masks mean for *family*; if it is None, for every one that may have them.

    The likeliest is first. *requested* is what the guest uses, *allowed* what the destination
    offers (hw/virtio/virtio.c, virtio_set_features_nocheck).
    """
    families = [family] if family is not None else _likeliest(catalogue, requested, allowed)
    missing = requested & ~allowed & ALL_BITS
    return tuple(
        Reading(
            family=each.name,
            lacking=lacking_bits(catalogue, each, missing),
            suspects=() if missing else _suspects(catalogue, each, allowed),
        )
        for each in families
    )


def _suspects(catalogue: Catalogue, family: DeviceFamily, allowed: int) -> tuple[Lacking, ...]:
    mask = 0
    for number, bit in known_bits(catalogue, family).items():
        if not allowed >> number & 1 and follows_host(catalogue, family, bit):
            mask |= 1 << number
    return lacking_bits(catalogue, family, mask)


def _likeliest(catalogue: Catalogue, requested: int, allowed: int) -> list[DeviceFamily]:
    """Return every family that the least speaks against, the likeliest first.

    Against one speak bits that it cannot have, and bits that it always offers and that are missing
    from what is allowed; for one, that a host decides the bits in question.
    """
    families = [f for f in catalogue.devices().families if f.bit or f.virtio_id]

    def unlikely(family: DeviceFamily) -> tuple[int, int, bool]:
        known = known_bits(catalogue, family)
        strange = sum(number not in known for number in bits_of(requested | allowed))
        if family.virtio_id:
            # Of the others the definitions do not say what they always offer.
            strange += sum(
                not allowed >> bit.bit & 1
                for bit in family.bit
                if not (bit.property or bit.backends or bit.never or bit.legacy or bit.modern)
            )
        decided = sum(
            follows_host(catalogue, family, known[number])
            for number in bits_of(requested & ~allowed)
            if number in known
        )
        return strange, -decided, not family.virtio_id

    ranks = {family.name: unlikely(family) for family in families}
    least = min((rank[0] for rank in ranks.values()), default=0)
    # Sorting is stable: of equals, the order of the definitions.
    return sorted(
        (family for family in families if ranks[family.name][0] == least),
        key=lambda family: ranks[family.name],
    )


def family_of(catalogue: Catalogue, name: str) -> DeviceFamily | None:
    """Return the family that *name* belongs to: its own name, its driver's or a proxy's."""
    for family in catalogue.devices().families:
        if name == family.name:
            return family
    return catalogue.devices().family_of(name)


def chosen_family(catalogue: Catalogue, driver: str) -> DeviceFamily:
    """Return the family of a driver that a user names.

    Raises UnknownNameError for none that is known, UsageError (``no-bits``) for one whose bits no
    definition describes.
    """
    family = family_of(catalogue, driver)
    if family is None:
        known = [n for f in catalogue.devices().families for n in (f.name, f.driver, *f.proxies)]
        raise unknown("driver", driver, known, code="unknown-driver")
    if not family.bit and not family.virtio_id:
        raise UsageError(f"no feature bits are known of '{driver}'", code="no-bits")
    return family
