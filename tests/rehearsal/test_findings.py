"""What is said of a move: the device, QEMU's words for it, and what those mean."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.guest.driver import Bound
from platform_abi.rehearsal.end import Sight
from platform_abi.rehearsal.findings import (
    changed,
    changed_by_reset,
    likely,
    stopped,
    unrehearsed,
    unseen,
)
from platform_abi.rehearsal.move import Ending, Move
from platform_abi.rehearsal.result import OneWay, rehearsal, status_of

_DRIVERS = {"net0": "virtio-net-pci", "rng0": "virtio-rng-pci", "scsi": "virtio-scsi-pci"}
_PLACES = {"net0": "05.0", "rng0": "1c.0:00.0", "scsi": ""}


@pytest.mark.parametrize(
    ("section", "label"),
    [("0000:00:05.0/virtio-net", "net0"), ("0000:00:1c.0:00.0/virtio-rng", "rng0"), ("x", None)],
)
def test_a_device_of_the_stream_is_told_by_its_place(section: str, label: str | None) -> None:
    """On the root bus and behind a port; what is not there is nobody."""
    said = f"qemu: error while loading state for instance 0x0 of device '{section}'"
    assert ([label] if label else []) == likely(Move(ended="failed", said=said, places=_PLACES))


def test_what_is_explained_is_named_as_explain_error_names_it(catalogue: pa.FileCatalogue) -> None:
    """The queue that is too long is told with both lengths, its help, and the code."""
    said = "qemu: VQ 0 vring.num 1024 exceeds allocated max 256\nqemu: load of migration failed: x"
    (explained,) = [each for each in pa.diagnose(catalogue, said).findings if "1024" in each.text]
    found = stopped(catalogue, Move(ended="failed", said=said), ["net0"], _DRIVERS)
    assert (found.severity, found.device, found.cause) == ("blocked", "net0", explained.code)
    assert "net0 (virtio-net-pci)" in found.message
    assert explained.says in found.message
    assert explained.helps[0] in found.help


@pytest.mark.parametrize("ended", ["destination", "refused", "failed", "died", "late"])
def test_every_ending_is_told_apart(catalogue: pa.FileCatalogue, ended: Ending) -> None:
    """And what nobody can explain is there as QEMU said it, warnings left out."""
    said = "qemu: warning: deprecated\nqemu: strange words\nqemu: and what came of them"
    move = Move(ended=ended, said=said, why="it was killed by SIGKILL", machine="pc-q35-9.1")
    found = stopped(catalogue, move, ["net0", "scsi"], _DRIVERS)
    assert "net0 (virtio-net-pci) and scsi (virtio-scsi-pci)" in found.message
    assert ("killed" if ended in {"died", "late"} else "strange words") in found.message
    machine = stopped(catalogue, move, [], _DRIVERS)
    assert (machine.code, machine.device) == ("machine-stopped", None)
    assert "pc-q35-9.1" in machine.message


def test_what_a_guest_finds_otherwise_is_a_finding_each(catalogue: pa.FileCatalogue) -> None:
    """Of a device by its label, of the board by its place, of a driver, of the CPU."""
    before = Sight(
        functions={"05.0": {"config": "0" * 32, "identity": "a"}, "1f.0": {"rom": "1K"}},
        bound={"05.0": Bound(status=15, features=3, queues=(256,))},
        cpu={"level": "13"},
    )
    after = Sight(
        functions={"05.0": {"config": "0" * 40, "identity": "a"}, "1f.0": {"rom": "2K"}},
        bound={"05.0": Bound(status=15, features=1, queues=(256,))},
        cpu={"level": "20"},
    )
    move = Move(ended="moved", places=_PLACES, before=before, after=after)
    found = [*changed(catalogue, move, _DRIVERS)]
    assert all(each.severity == "blocked" for each in found)
    assert ["net0", "net0", None, None] == [each.device for each in found]
    assert ["16", "20"] == [found[0].expected, found[0].found]
    assert "1f.0" in found[2].message
    assert "CPU" in found[3].message
    assert [] == [*changed(catalogue, Move(ended="moved", before=before, after=before), {})]


def test_what_only_a_reset_shows_is_told_once(catalogue: pa.FileCatalogue) -> None:
    """The size of a queue moves with the guest; what is told of the move is not told again."""
    agreed = Sight(functions={"05.0": {"queues": "1024", "config": "0" * 32}})
    longer = Sight(functions={"05.0": {"queues": "1024", "config": "0" * 40}})
    fresh = Sight(functions={"05.0": {"queues": "256", "config": "0" * 40}})
    move = Move(ended="moved", places=_PLACES, before=agreed, after=longer, fresh=(agreed, fresh))
    now = changed(catalogue, move, _DRIVERS)
    (later,) = changed_by_reset(catalogue, move, _DRIVERS, now)
    assert ["16"] == [each.expected for each in now]
    assert ("1024", "256", "net0") == (later.expected, later.found, later.device)
    assert later.severity == "blocked"


def test_queues_are_compared_as_a_driver_finds_them(catalogue: pa.FileCatalogue) -> None:
    """When features are agreed on: how many a QEMU has before that, no driver looks at."""

    def fresh(before_that: str, *driven: int) -> Sight:
        facts = {"queues": before_that, "legacy-queues": before_that}
        agreed = Bound(status=15, features=1, queues=driven)
        return Sight(functions={"05.0": facts}, bound={"05.0": agreed})

    def told(*sights: Sight) -> list[pa.Finding]:
        move = Move(ended="moved", places=_PLACES, fresh=sights)  # type: ignore[arg-type]
        return [*changed_by_reset(catalogue, move, _DRIVERS)]

    every, pair = fresh("256*4 64", 256, 256, 64), fresh("256*2 64", 256, 256, 64)
    assert told(every, pair) == []
    (size,) = told(every, fresh("256*2 64", 256, 512, 64))
    assert ("256", "512") == (size.expected, size.found)
    undriven = Sight(functions={"05.0": {"queues": "256*2 64"}})
    assert told(every, undriven) != []


def test_what_had_no_part_or_no_driver_is_unknown() -> None:
    """A device that is on no PCI bus has none to be seen on."""
    seen = Sight(functions={"05.0": {}})
    (found,) = unseen(Move(ended="moved", places=_PLACES, before=seen, after=seen))
    assert (found.device, found.severity) == ("rng0", "unknown")
    (left,) = unrehearsed({"tpm0": "a TPM is another process"})
    assert (left.device, left.severity) == ("tpm0", "unknown")
    assert "another process" in left.message


def test_the_worst_of_all_findings_counts_on_either_way() -> None:
    """Unknown is not ok, and what is to be known only changes nothing."""

    def way(*severities: str) -> OneWay:
        found = tuple(pa.Finding(code="c", severity=s, message="m") for s in severities)  # type: ignore[arg-type]
        return OneWay(status=status_of(found), findings=found, machine="m")

    assert [way().status, way("info").status] == ["ok", "ok"]
    assert way("info", "unknown").status == "unknown"
    assert way("unknown", "blocked").status == "blocked"
    assert rehearsal(way("info"), way("blocked")).status == "blocked"
    assert rehearsal(way("unknown"), None).status == "unknown"
