"""The program ``qemu-platform``: QEMU's own command line, with ``-platform`` in it.

Options of ours stand before all of QEMU's; none of them is one of QEMU's. Everything else is the
verb ``run``, but a management tool that only asks what this QEMU is gets the QEMU at once.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence

from platform_abi.errors import HostError
from platform_abi.launch.launcher import become
from platform_abi.launch.passthrough import passes_through
from platform_abi.qemu.binary import host_architecture, own_architecture, qemu_path

#: Options of ours that take a word, and those that do not.
_WITH_VALUE = ("--qemu", "--host")
_ALONE = ("--print-args", "--json")

#: What ``--help`` says before QEMU does. ``-help`` and ``-h`` are QEMU's alone, as tools read them.
HELP = """\
usage: qemu-platform [--qemu BINARY] [--host REPORT] [--print-args] [--json] QEMU-OPTION...

QEMU with a platform: its whole command line, in which what a host would decide is written down.

  --qemu BINARY   the QEMU; else $PLATFORM_ABI_QEMU, or qemu-system-ARCH of PATH
  --host REPORT   what the host can do, from a report; else it is asked
  --print-args    print QEMU's words, one a line, and start nothing
  --json          the same as a JSON document

-platform [name=]NAME[@EDITION][,FEATURE=VALUE...][,lock=FILE][,look=on|off][,strict=on|off]
          [,allow-unknown=on|off][,force=on|off]
                the platform: a set of features that every host of it has (linux-6.9); without
                one, the newest that this host supports
  FEATURE=VALUE another value for one feature, such as virtio-net.rss=on
  lock          the lockfile of the virtual machine: written at its first start, taken by -incoming
  look          let the lockfile hold what the guest finds, by a look at a paused QEMU; else
                that is done for a QEMU of which nobody recorded it
  strict        refuse values beyond what the platform guarantees
  allow-unknown let what is not known of the host pass, and record it
  force         let everything pass, and record it
-platform help  what this host supports, and why not the rest
-platform none  QEMU alone

QEMU's own help follows.

"""


def entry() -> int:
    """Become QEMU; return the exit code where there was only something to print, or an error."""
    own, words = divided(sys.argv[1:])
    arch = own_architecture(sys.argv[0]) or host_architecture()
    if passes_through(words) and not set(own) & {*_ALONE}:
        if "--help" in words:
            from platform_abi.cli.render import write_data

            write_data(HELP)
        # An error is said by the verb, which comes upon it again.
        with contextlib.suppress(HostError):
            become(qemu_path(_named(own) or None, os.environ, arch), words)
    from platform_abi.cli import main, unfailing_stderr

    gc.disable()  # as cli.entry does
    unfailing_stderr()
    return main(["run", "--arch", arch, *own, "--", *words])


def _named(own: Sequence[str]) -> str | None:
    """Return the QEMU that options of ours name, the last one."""
    found = None
    for at, word in enumerate(own):
        name, equals, value = word.partition("=")
        if name == "--qemu":
            found = value if equals else next(iter(own[at + 1 :]), None)
    return found


def divided(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the options of ours that *words* begin with, and QEMU's words after them."""
    at = 0
    while at < len(words):
        name, equals, _ = words[at].partition("=")
        if words[at] in _ALONE or (equals and name in _WITH_VALUE):
            at += 1
        elif name in _WITH_VALUE:
            at += 2
        else:
            break
    return list(words[:at]), list(words[at:])
