"""A virtual machine that runs is not touched by any verb that starts a QEMU of its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.emit.lockfile import lockfile
from platform_abi.files import write_text
from platform_abi.verifier.peer import QmpPeer
from tests.live.conftest import BUILD_OF

#: Every kind of thing that QEMU opens by a path or makes in a folder, as far as it can run without
#: another process: those that this binary lacks or refuses are left out. {p} is a folder.
_OPENING: Final = (
    "-readconfig {p}/vm.cfg",
    "-chardev file,id=c-file,path={p}/c.file",
    "-chardev pipe,id=c-pipe,path={p}/c.pipe",
    "-chardev socket,id=c-socket,path={p}/c.socket,server=on,wait=off",
    "-chardev socket,id=c-egd,path={p}/c.egd,server=on,wait=off",
    "-chardev socket,id=c-out,path={p}/c.out,server=on,wait=off",
    "-chardev socket,id=c-mon,path={p}/c.mon,server=on,wait=off",
    "-chardev socket,id=c-qtest,path={p}/c.qtest,server=on,wait=off",
    "-chardev file,id=c-log,path={p}/c.second,logfile={p}/c.logfile",
    "-chardev ringbuf,id=c-ring",
    "-chardev memory,id=c-memory",
    "-chardev pty,id=c-pty,path={p}/c.pty",
    "-chardev udp,id=c-udp,host=127.0.0.1,port=9",
    "-mon chardev=c-mon,mode=control",
    "-chardev socket,id=c-object,path={p}/c.object,server=on,wait=off",
    "-object monitor-qmp,id=o-monitor,chardev=c-object",
    "-qmp-pretty unix:{p}/pretty,server=on,wait=off",
    "-trace enable=pvscsi_*,file={p}/trace",
    "-acpitable file={p}/secret,sig=XYZW",
    "-option-rom {p}/rom",
    "-msg timestamp=off",
    "-qmp unix:{p}/qmp,server=on,wait=off",
    "-monitor unix:{p}/hmp,server=on,wait=off",
    "-serial file:{p}/serial",
    "-parallel file:{p}/parallel",
    "-debugcon file:{p}/debugcon",
    "-gdb unix:{p}/gdb,server=on,wait=off",
    "-vnc unix:{p}/vnc",
    "-pidfile {p}/pid",
    "-D {p}/log",
    "-d guest_errors",
    "-netdev stream,id=n-stream,server=on,addr.type=unix,addr.path={p}/n.stream",
    "-netdev dgram,id=n-dgram,local.type=unix,local.path={p}/n.dgram",
    "-netdev socket,id=n-socket,listen=127.0.0.1:0",
    "-netdev user,id=n-user,hostfwd=tcp:127.0.0.1:0-:22,tftp={p}",
    "-netdev hubport,id=n-hub,hubid=1",
    "-netdev tap,id=n-tap,script=no,downscript=no",
    "-object filter-dump,id=o-dump,netdev=n-stream,file={p}/o.pcap",
    "-object filter-mirror,id=o-mirror,netdev=n-stream,queue=tx,outdev=c-out",
    "-object memory-backend-file,id=o-mem,size=2M,mem-path={p}/o.mem,share=on",
    "-object memory-backend-file,id=o-erst,size=64k,mem-path={p}/o.erst,share=on",
    "-object memory-backend-memfd,id=o-memfd,size=2M,share=on",
    "-object memory-backend-shm,id=o-shm,size=2M",
    "-object rng-random,id=o-rng,filename=/dev/urandom",
    "-object rng-egd,id=o-egd,chardev=c-egd",
    "-object secret,id=o-secret,file={p}/secret",
    "-object authz-list-file,id=o-authz,filename={p}/authz.json",
    "-object tls-creds-psk,id=o-psk,dir={p},endpoint=server",
    "-object iothread,id=o-thread",
    "-object throttle-group,id=o-throttle",
    "-object qtest,id=o-qtest,chardev=c-qtest,log={p}/o.qtest",
    "-object iommufd,id=o-iommu",
    "-audiodev wav,id=a-wav,path={p}/a.wav",
    "-blockdev driver=file,node-name=b-file,filename={p}/b.img",
    "-blockdev driver=raw,node-name=b-raw,file.driver=file,file.filename={p}/b.raw",
    "-drive file={p}/d.img,if=none,id=d-none,format=raw",
    "-drive file={p}/flash.img,if=pflash,format=raw",
    "-fda {p}/fda.img",
    "-fsdev local,id=f-local,path={p}/shared,security_model=none",
    "-virtfs local,path={p}/shared,mount_tag=v,security_model=none,id=v-local",
    "-fw_cfg name=opt/x,file={p}/secret",
    "-add-fd fd=0,set=1",
    "-device virtio-rng-pci,rng=o-egd",
    "-device virtio-9p-pci,fsdev=f-local,mount_tag=f",
    "-device virtio-blk-pci,drive=d-none,iothread=o-thread",
    "-device virtio-blk-pci,drive=b-raw",
    "-device virtio-net-pci,netdev=n-stream",
    "-device virtio-net-pci,netdev=n-dgram",
    "-device ich9-intel-hda",
    "-device hda-output,audiodev=a-wav",
    "-device qemu-xhci",
    "-device usb-tablet,pcap={p}/usb.pcap",
    "-device usb-mtp,rootdir={p}/shared,readonly=off",
    "-device acpi-erst,memdev=o-erst",
    "-device ipmi-bmc-sim,id=bmc,frudatafile={p}/secret",
    "-device isa-debugcon,chardev=c-file,iobase=0x403",
    "-device loader,file={p}/secret,addr=0x100000",
    "-device uefi-vars-x64,jsonfile={p}/vars.json",
)

#: Kinds of backends and options by which QEMU opens nothing of a virtual machine's, or that cannot
#: be had on every host: a device of the host, another process, a window, a protected guest.
_WITHOUT: Final = {
    "chardev": "hub msmouse mux null parallel qemu-vdagent serial stdio testdev vc wctablet"
    " braille spiceport spicevmc dbus",
    "netdev": "af-xdp bridge l2tpv3 netmap passt vde vhost-user vhost-vdpa vmnet-bridged"
    " vmnet-host vmnet-shared",
    "object": "acpi-generic-initiator acpi-generic-port authz-list authz-simple can-bus"
    " can-host-socketcan colo-compare cryptodev-backend cryptodev-backend-builtin"
    " cryptodev-backend-lkcf cryptodev-vhost-user dbus-vmstate filter-buffer filter-redirector"
    " filter-replay filter-rewriter igvm-cfg input-barrier input-linux main-loop"
    " memory-backend-epc memory-backend-ram monitor-hmp pef-guest pr-manager-helper rng-builtin"
    " s390-pv-guest secret_keyring sev-guest sev-snp-guest tdx-guest thread-context"
    " tls-cipher-suites tls-creds-anon tls-creds-x509 x-remote-object x-vfio-user-server",
    "audiodev": "alsa coreaudio dbus dsound jack none oss pa pipewire sdl sndio spice",
    "": "accel action append async-teardown audio bios boot cdrom chroot compat cpu daemonize"
    " dfilter display dtb dump-vmstate echr enable-fips enable-hax enable-kvm enable-sync-profile"
    " full-screen g global h hda hdb hdc hdd icount incoming initrd iscsi jitdump k kernel loadvm"
    " m machine mem-path mem-prealloc mtdblock name net nic no-acpi no-fd-bootchk no-hpet"
    " no-reboot no-shutdown no-user-config nodefaults nographic numa old-param only-migratable"
    " overcommit perfmap pflash plugin portrait preconfig prom-env rotate rtc run-with runas s S"
    " sandbox sd seed semihosting semihosting-config set shim singlestep smbios smp snapshot spice"
    " tb-size tpmdev usb usbdevice uuid version vga watchdog watchdog-action win2k-hack xen-attach"
    " xen-domid xen-domid-restrict audio-help fdb L",
}

#: How a QEMU is asked what kinds of backends it has.
_ASKED: Final = {
    "chardev": ("-chardev", "help"),
    "netdev": ("-netdev", "help"),
    "object": ("-M", "none", "-object", "help"),
    "audiodev": ("-audiodev", "help"),
}

#: At least so many of them run with every QEMU.
_MOST: Final = 55

_CONFIGURATION: Final = """
[chardev "r-mon"]
  backend = "socket"
  path = "{p}/r.mon"
  server = "on"
  wait = "off"
[mon "r-mon"]
  mode = "control"
  chardev = "r-mon"
"""

_READY: Final = ("qmp", "r.mon", "c.mon")


def _furnish(place: Path) -> None:
    """Make the files that a virtual machine is given."""
    for name in ("b.img", "b.raw", "d.img", "fda.img"):
        (place / name).write_bytes(b"guest data " * 131072)
    (place / "rom").write_bytes(b"\x55\xaa\x01" + bytes(509))
    (place / "flash.img").write_bytes(b"\xff" * (1 << 20))
    (place / "secret").write_text("secret")
    (place / "authz.json").write_text('{"policy": "deny"}')
    (place / "keys.psk").write_text("qemu:00112233445566778899aabbccddeeff\n")
    (place / "shared").mkdir()
    (place / "shared" / "file").write_text("shared")
    (place / "vm.cfg").write_text(_CONFIGURATION.format(p=place))
    for name in ("c.pipe.in", "c.pipe.out"):
        os.mkfifo(place / name)


@contextlib.contextmanager
def _running(qemu: Path, words: Sequence[str], place: Path) -> Iterator[list[str]]:
    """Start a QEMU with as much of what opens something as it takes, and yield its words."""
    openings = [text.format(p=place).split(" ", 1) for text in _OPENING]
    if not Path("/dev/iommu").exists():  # QEMU does not say of which option it complains then
        openings = [option for option in openings if "iommufd" not in option[1]]
    while True:
        own = [*words, *(word for option in openings for word in option)]
        with subprocess.Popen(
            [str(qemu), *own, "-S", "-display", "none"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                until = time.monotonic() + 30
                while process.poll() is None and time.monotonic() < until:
                    if all((place / name).exists() for name in _READY) and _answers(place):
                        assert len(openings) >= _MOST, len(openings)
                        yield own
                        return
                    time.sleep(0.05)
                assert process.poll() is not None, "it neither ends nor answers"
                assert process.stderr is not None
                said = process.stderr.read()
            finally:
                process.kill()
        for path in place.iterdir():
            if path.is_socket():
                path.unlink()
        # A warning, as of an option that is deprecated, names its option as well.
        lines = [line for line in said.splitlines() if ": warning: " not in line]
        refused = [o for o in openings if any(f"{o[0]} {o[1]}:" in line for line in lines)]
        assert refused, said
        openings = [option for option in openings if option not in refused]


def _answers(place: Path) -> bool:
    """Return whether a machine can be talked to by each of its monitors."""
    try:
        for name in _READY:
            with QmpPeer(str(place / name), timeout=10) as peer:
                (answer,) = peer.ask([("query-status", {})])
                assert answer.refused is None or not answer.refused
    except pa.HostError:
        return False
    return True


def _state(place: Path) -> dict[str, tuple[int, int, str]]:
    """Return inode, size and content of everything below a folder."""
    return {
        str(path.relative_to(place)): (
            seen.st_ino,
            seen.st_size if stat.S_ISREG(seen.st_mode) else 0,
            hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(seen.st_mode) else "",
        )
        for path in sorted(place.rglob("*"))
        for seen in [path.lstat()]
    }


def _offered(qemu: Path, *question: str) -> str:
    """Return what a QEMU answers on its streams."""
    told = subprocess.run([str(qemu), *question], capture_output=True, text=True, check=False)
    return told.stdout + told.stderr


@pytest.mark.parametrize("option", _ASKED)
def test_every_kind_of_backend_is_tried_or_known_to_open_nothing(qemu: Path, option: str) -> None:
    """What a newer QEMU brings has to be looked at here before it can be believed harmless."""
    tried = {re.split("[, ]", text)[1] for text in _OPENING if text.startswith(f"-{option} ")}
    kinds = set(
        re.findall(r"^ *([a-z][a-z0-9_-]*)$", _offered(qemu, *_ASKED[option]), re.MULTILINE)
    )
    assert len(kinds) >= len(tried) / 2
    assert kinds <= tried | set(_WITHOUT[option].split())


def test_every_option_is_tried_or_known_to_open_nothing(qemu: Path) -> None:
    """So has every option of the command line."""
    tried = {re.split("[- ]", text, maxsplit=2)[1] for text in _OPENING}
    tried |= {text.split(" ")[0].removeprefix("-") for text in _OPENING}
    options = set(re.findall(r"^-{1,2}([a-z0-9A-Z_-]+)", _offered(qemu, "-help"), re.MULTILINE))
    assert len(options) > len(tried)
    assert options <= tried | {"M", *_WITHOUT[""].split()}


def test_nothing_of_a_running_machine_is_touched(
    catalogue: pa.FileCatalogue,
    qemu_version: str,
    qemu: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Given its very words, no verb changes a file or socket of it, and it still answers."""
    place = tmp_path / "vm"
    place.mkdir()
    _furnish(place)
    build = BUILD_OF[qemu_version]
    vm = pa.VirtualMachine(machine="pc-q35-7.2", accelerator="tcg", build=build)
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    lock = str(tmp_path / "vm.lock")
    write_text(lock, lockfile(catalogue, abi))
    arguments = [*pa.arguments(abi), "-nodefaults", "-m", "256"]
    with _running(qemu, arguments, place) as words:
        before = _state(place)
        binary = str(qemu)
        verbs = (
            ["verify", "--start", "--qemu", binary, "--json", lock, "--", *words],
            ["verify", "--start", "--qemu", binary, "--json", lock],
            ["run", "--qemu", binary, "--print-args", "--", *words, "-platform", "linux-6.1"],
            ["host", "--qemu", binary],
            ["host", "--oracle", "--qemu", binary],
            ["audit-qemu", binary, "-M", "pc-q35-7.2", "--view", str(tmp_path / "view")],
            ["import-qemu", binary, "--output", str(tmp_path / "site")],
        )
        for verb in verbs:
            main(verb)
            told = capsys.readouterr()
            assert "error" not in told.err, told.err
            assert before == _state(place), verb[0]
            assert _answers(place), verb[0]
            if words[-1] in verb and verb[0] == "verify":
                assert "options-left-out" in told.out
                assert all(name in told.out for name in ("-mon", "-qmp", "-object filter-dump"))
