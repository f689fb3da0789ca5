"""A platform held against a kernel's source, and one that is proposed of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.author.installing import completed
from platform_abi.author.kernel_platform import PromiseSeen, promises, proposed
from platform_abi.author.kernel_tree import KernelTree
from platform_abi.author.kernel_witness import SourceSeen, State
from platform_abi.author.lint import lint
from platform_abi.errors import UsageError
from platform_abi.model.platform import version_key
from platform_abi.resolver.choice import parse_platform
from platform_abi.resolver.compare import listed
from tests.definitions.site import write


def _of(catalogue: pa.FileCatalogue, release: str, **other: State) -> tuple[SourceSeen, ...]:
    """Return what a source has that is upstream's of *release*, but for what *other* says."""
    return tuple(
        SourceSeen(
            capability=each.id,
            state=other.get(
                each.id,
                "present"
                if each.since
                and each.since != "never"
                and version_key(each.since) <= version_key(release)
                else "absent",
            ),
            witness="a.c:1",
        )
        for each in catalogue.capabilities().values()
    )


def _seen(found: tuple[PromiseSeen, ...], feature: str) -> tuple[str, str, tuple[str, ...]]:
    return next(((e.kept, e.value, e.because) for e in found if e.feature == feature), ("", "", ()))


def test_upstream_keeps_its_own_promises(catalogue: pa.FileCatalogue) -> None:
    """What its release has is all that is listed, and nothing is left out."""
    for release in ("5.10", "6.2", "7.1"):
        reference = parse_platform(f"linux-{release}@{catalogue.editions()[-1]}")
        found = promises(catalogue, reference, _of(catalogue, release))
        assert found
        assert {each.kept for each in found} == {"kept"}


def test_what_a_source_lacks_breaks_a_promise(catalogue: pa.FileCatalogue) -> None:
    """What it has beyond is left out, and what nobody can tell is neither."""
    reference = parse_platform("linux-6.2")
    uso = "virtio-net.host-uso"
    for state, kept in (("absent", "broken"), ("unknown", "unknown"), ("present", "kept")):
        seen = _of(catalogue, "6.2", **{"tun.uso": state})  # type: ignore[arg-type]
        expected: tuple[str, ...] = ("tun.uso",) if kept != "kept" else ()
        assert _seen(promises(catalogue, reference, seen), uso) == (kept, "on", expected)
    older = parse_platform("linux-6.1")
    assert _seen(promises(catalogue, older, _of(catalogue, "6.1")), uso) == ("", "", ())
    kept, value, because = _seen(promises(catalogue, older, _of(catalogue, "6.2")), uso)
    assert (kept, value) == ("left-out", "")
    assert "tun.uso" in because


def _proposal(
    catalogue: pa.FileCatalogue, folder: Path, seen: tuple[SourceSeen, ...], release: str
) -> tuple[pa.FileCatalogue, str]:
    begun = proposed(catalogue, "linux-acme-1", KernelTree(release=release), seen)
    text = completed(folder, begun)
    write(folder, begun.relative, text)
    roots = [*catalogue.roots, str(folder)]
    assert [each for each in lint(roots, str(folder)) if each.level == "error"] == []
    return pa.FileCatalogue(roots), text


@pytest.mark.parametrize("release", ["5.10", "6.2", "6.17"])
def test_what_is_proposed_of_an_upstream_kernel_is_its_platform(
    release: str, catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """It lists the same, with the same values, by levels alone."""
    site, text = _proposal(catalogue, tmp_path, _of(catalogue, release), f"{release}.7")
    edition = catalogue.editions()[-1]
    assert listed(site, parse_platform(f"linux-acme-1@{edition}")) == listed(
        catalogue, parse_platform(f"linux-{release}@{edition}")
    )
    assert f"By the source of a kernel that calls itself {release}.7." in text
    assert "\n# [features]\n" in text


def test_what_a_kernel_has_beyond_its_level_is_listed_with_its_witness(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """A backport; what was taken away, or nobody can tell, sets the level down."""
    backport = {"tun.uso": "present", "macvtap.uso": "present"}
    seen = _of(catalogue, "5.14", **backport, **{"tun.set-carrier": "unknown"})  # type: ignore[arg-type]
    site, text = _proposal(catalogue, tmp_path, seen, "5.14.0")
    platform = site.platform("linux-acme-1")
    assert version_key(platform.levels["tun"]) < version_key("5.0")
    assert platform.levels["macvtap"] == "6.2"
    assert platform.levels["vhost"] == "5.14"
    assert listed(site, parse_platform("linux-acme-1"))["virtio-net.host-uso"] == "on"
    assert 'tun.uso: a.c:1\n"virtio-net.host-uso" = "on"' in text
    assert "#   unknown: tun.set-carrier" in text


def test_of_a_source_without_anything_nothing_is_proposed(catalogue: pa.FileCatalogue) -> None:
    """A platform without a level would be one of every kernel."""
    with pytest.raises(UsageError) as caught:
        proposed(catalogue, "linux-acme-1", KernelTree(), ())
    assert caught.value.code == "kernel-bare"
