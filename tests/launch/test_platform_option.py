"""What -platform says, and what it must not."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.platform_option import PlatformOption, platform_option


def _said(catalogue: pa.FileCatalogue, *texts: str) -> PlatformOption:
    words = [word for text in texts for word in ("-platform", text)]
    return platform_option(read_command_line(catalogue.options(), words))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], PlatformOption()),
        (["help"], PlatformOption(kind="help")),
        (["none"], PlatformOption(kind="none")),
        (["linux-6.9"], PlatformOption(kind="name", platform="linux-6.9")),
        (["linux-6.9@2026.1"], PlatformOption(kind="name", platform="linux-6.9@2026.1")),
        (
            ["linux-6.9,virtio-net.rss=on,force=on,lock=a,,b.lock"],
            PlatformOption(
                kind="name", platform="linux-6.9,virtio-net.rss=on", force=True, lock="a,b.lock"
            ),
        ),
        (["lock=vm.lock"], PlatformOption(lock="vm.lock")),
        (["lock=vm.lock,look=on"], PlatformOption(lock="vm.lock", look=True)),
        (["linux-6.1", "linux-6.9"], PlatformOption(kind="name", platform="linux-6.9")),
        (
            ["linux-6.1,allow-unknown=on", "strict=yes"],
            PlatformOption(kind="name", platform="linux-6.1", allow_unknown=True, strict=True),
        ),
    ],
)
def test_a_platform_option_says_what_it_says(
    catalogue: pa.FileCatalogue, texts: list[str], expected: PlatformOption
) -> None:
    """Several are merged, and the later one counts."""
    assert expected == _said(catalogue, *texts)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("linux-6.9,forced=on", "unknown-platform-key", "did you mean 'force'"),
        ("linux-6.9,force=perhaps", "platform-option", "on or off"),
        ("none,force=on", "platform-option", "nothing else"),
        ("virtio-net.rss=on", "platform-option", "names no platform"),
        ("linux-6.9,lock=", "platform-option", "names no file"),
        ("linux-6.9,look=on", "platform-option", "for a lockfile"),
        ("", "option-syntax", "empty"),
    ],
)
def test_what_it_cannot_mean_is_an_error(
    catalogue: pa.FileCatalogue, text: str, code: str, said: str
) -> None:
    """With the nearest that it could have meant."""
    with pytest.raises(pa.PlatformAbiError) as caught:
        _said(catalogue, text)
    assert (code, True) == (caught.value.code, said in caught.value.message)


def test_a_platform_option_at_the_end_has_no_argument(catalogue: pa.FileCatalogue) -> None:
    """As QEMU says of its own options."""
    with pytest.raises(pa.UsageError, match="requires an argument"):
        platform_option(read_command_line(catalogue.options(), ["-S", "-platform"]))
