"""A machine as a QEMU with its lockfile's arguments tells it, without a QEMU."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

import platform_abi as pa
from platform_abi.verifier.expected import expected
from platform_abi.verifier.running import RunningObject, RunningVm

#: Devices of many families, some without an id, one behind another, two with unlike backends.
DEVICES = (
    "virtio-net-pci,netdev=n0,id=net0",
    "virtio-net-pci,netdev=n1",
    "virtio-blk-pci,drive=d0,id=blk0",
    "virtio-rng-pci",
    "virtio-rng-pci,max-bytes=512",
    "e1000e,netdev=n2,id=e0",
    "nvme,drive=d1,serial=x,id=nv0",
)
NETDEVS = ("tap,id=n0", "user,id=n1", "user,id=n2")

CPU = "/machine/unattached/device[0]"


def resolved(
    catalogue: pa.FileCatalogue,
    *,
    machine: str = "pc-q35-9.1",
    platform: str = "linux-6.9",
    build: str | None = "qemu-10.0.2",
    devices: tuple[str, ...] = DEVICES,
    accelerator: str = "tcg",
    cpu: str | None = None,
    globals_: tuple[str, ...] = (),
) -> pa.GuestAbi:
    """Return the ABI of a virtual machine with *devices*."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        machine,
        accelerator=accelerator,
        devices=devices,
        netdevs=NETDEVS,
        globals_=globals_,
        cpu=cpu,
        build=build,
    )
    return pa.resolve(catalogue, vm, platform)


def bare(catalogue: pa.FileCatalogue, abi: pa.GuestAbi, build: str = "qemu-10.0.2") -> RunningVm:
    """Return a machine with all of *abi*'s devices, of which no property was read yet."""
    known = catalogue.build(build, abi.vm.arch)
    types = catalogue.types(build, abi.vm.arch)
    devices = []
    anonymous = 0
    for device in abi.vm.devices:
        name = device.id
        if name is None:
            name, anonymous = f"device[{anonymous}]", anonymous + 1
        place = "peripheral-anon" if device.id is None else "peripheral"
        driver = types.aliases.get(device.driver, device.driver)
        devices.append(RunningObject(path=f"/machine/{place}/{name}", driver=driver))
    model = abi.vm.cpu
    default = catalogue.machine(build, abi.vm.machine, abi.vm.arch).cpu
    cpu = default if model is None else catalogue.cpu_models(build, abi.vm.arch)[model.model].type
    return RunningVm(
        version=known.version,
        package=known.package,
        arch=abi.vm.arch,
        accelerator=abi.vm.accelerator,
        kvm=abi.vm.accelerator == "kvm",
        machine=RunningObject(path="/machine", driver=f"{abi.vm.machine}-machine"),
        cpu=RunningObject(path=CPU, driver=cpu),
        devices=tuple(devices),
        vcpus=2,
        missing_flags=(),
    )


def promised(catalogue: pa.FileCatalogue, abi: pa.GuestAbi, vm: RunningVm) -> RunningVm:
    """Return *vm* with every property as *abi* has it."""
    values = {
        thing.path: {
            name: value.final or "" for name, value in thing.values.items() if value.left_to is None
        }
        for thing in expected(catalogue, abi, vm).objects
    }
    return with_properties(vm, values)


def with_properties(vm: RunningVm, values: Mapping[str, Mapping[str, str]]) -> RunningVm:
    """Return *vm* with other properties, by path; those of objects that are not named stay."""

    def changed(thing: RunningObject) -> RunningObject:
        return evolve(thing, properties={**thing.properties, **values.get(thing.path, {})})

    return evolve(
        vm,
        machine=changed(vm.machine),
        cpu=None if vm.cpu is None else changed(vm.cpu),
        devices=tuple(map(changed, vm.devices)),
    )


# --- over a socket -------------------------------------------------------------------------------

GREETING = {"QMP": {"version": {"qemu": {}, "package": ""}, "capabilities": []}}


#: What the loop needs to close what is to be closed, in seconds.
_CLOSING = 0.01


@contextlib.contextmanager
def serving(path: Path, conversation: Any) -> Iterator[None]:
    """Serve a Unix socket by *conversation*, a coroutine of a reader and a writer, in a thread."""
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        talking: set[asyncio.Task[None]] = set()

        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            talking.add(task)
            try:
                await conversation(reader, writer)
            except (asyncio.CancelledError, ConnectionError):
                pass  # either side may leave at any time
            finally:
                writer.close()

        server = await asyncio.start_unix_server(one, path)
        ready.set()
        await stop.wait()
        server.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking)
        await asyncio.sleep(_CLOSING)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def telling(vm: RunningVm, *, most: int | None = None) -> Any:
    """Return a conversation that answers as a QEMU with *vm* would; it hangs up after *most*."""
    answers = _answers(vm)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(GREETING).encode() + b"\n")
        text, answered = "", 0
        while chunk := await reader.read(65536):
            messages, text = _messages(text + chunk.decode())
            for message in messages:
                if answered == most:
                    return
                found = answers.get(_key(message["execute"], message.get("arguments", {})))
                error = {"error": {"class": "GenericError", "desc": "no such thing"}}
                reply = error if found is None else {"return": found}
                writer.write(json.dumps({**reply, "id": message.get("id")}).encode() + b"\r\n")
                answered += 1
            await writer.drain()

    return converse


def _key(name: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    return (name, *map(str, arguments.values()))


def _answers(vm: RunningVm) -> dict[tuple[str, ...], Any]:
    """Return what is answered to each command."""
    qemu = dict(zip(("major", "minor", "micro"), map(int, vm.version.split(".")), strict=True))
    found: dict[tuple[str, ...], Any] = {
        ("qmp_capabilities",): {},
        ("query-version",): {"qemu": qemu, "package": vm.package},
        ("query-target",): {"arch": vm.arch},
        ("query-kvm",): {"enabled": vm.kvm, "present": True},
        ("query-cpus-fast",): [{"cpu-index": 0, "qom-path": CPU}],
        ("qom-get", "/machine", "smp"): {"cpus": vm.vcpus},
        ("qom-get", CPU, "unavailable-features"): list(vm.missing_flags or ()),
    }
    if vm.netdevs is not None:
        rows = (f"{name}: index=0,type={kind},\r\n" for name, kind in vm.netdevs.items())
        found["human-monitor-command", "info network"] = "".join(rows)
    for thing in vm.objects():
        found["qom-get", thing.path, "type"] = thing.driver
        for name, value in thing.properties.items():
            found["qom-get", thing.path, name] = value
    # QEMU lists its vCPUs among what the board brings.
    for thing in (*vm.devices, *filter(None, [vm.cpu])):
        row = {"name": thing.name, "type": f"child<{thing.driver}>"}
        found.setdefault(("qom-list", thing.path.rpartition("/")[0]), []).append(row)
    return found


def _messages(text: str) -> tuple[list[Any], str]:
    """Return the whole messages of *text*, which need no newline between them, and the rest."""
    decoder, found = json.JSONDecoder(), []
    while text := text.lstrip():
        try:
            message, end = decoder.raw_decode(text)
        except ValueError:
            break
        found.append(message)
        text = text[end:]
    return found, text
