"""The verbs, and what each is asked for."""

from __future__ import annotations

import argparse

from platform_abi.cli.parser import (
    Options,
    Verbs,
    flag,
    option,
    others,
    positional,
    repeated,
    seconds,
)


class VmOptions(Options):
    """What describes a virtual machine and the choice of a platform."""

    machine: str | None = option("TYPE", "versioned machine type, as -machine takes it", "-M")
    platform: str | None = option("NAME", "NAME[@EDITION][,feature=value...]")
    build: str | None = option("NAME", "QEMU build to resolve against; q35 and such need one")
    arch: str | None = option("ARCH", "guest architecture (x86_64)")
    accel: str | None = option("NAME", "accelerator (kvm)")
    cpu: str | None = option("MODEL", "CPU model with properties, as -cpu takes it")
    device: tuple[str, ...] = repeated("DEV", "a device, as -device takes it")
    netdev: tuple[str, ...] = repeated("DEV", "a netdev, as -netdev takes it")
    tpmdev: tuple[str, ...] = repeated("DEV", "a TPM backend, as -tpmdev takes it")
    object: tuple[str, ...] = repeated("OBJ", "what stands behind a device, as -object takes it")
    globals: tuple[str, ...] = repeated("PROP", "an explicit -global", "--global")
    backend: tuple[str, ...] = repeated(
        "NETDEV=KIND", "what a netdev really is, where QEMU is not told: macvtap"
    )
    #: Instead of all that: where it is read from.
    vm: str | None = positional(
        "SOURCE",
        "a VM as you have it: a lockfile, a domain XML, a file with a command line or of Proxmox; "
        "virsh:[URI/]NAME, qm:VMID, pid:NUMBER, qmp:SOCKET; or describe it by options",
        nargs="?",
    )
    #: Or a whole command line of a QEMU, with its program or without.
    words: tuple[str, ...] = others()


class ScopeOptions(Options):
    """Which virtual machines platforms are judged for, where not for the usual ones."""

    accel: str | None = option("NAME", "judge for this accelerator (kvm)")
    backend: tuple[str, ...] = repeated(
        "KIND", "judge behind this backend only (tap and tap+vhost)"
    )


class _Written(Options):
    """In which form, and where to, a resolution is written."""

    strict: bool = flag("refuse values beyond what the platform guarantees")
    format: str = option(
        None,
        "one option per line, one shell line, ...",
        choices=("lines", "shell", "readconfig", "lock", "globals", "pve", "libvirt"),
        default="lines",
    )
    full: bool = flag("every property of every device, with its layer")
    vcpus: int | None = option("N", "for what --full says of queues that follow them", type=int)
    output: str | None = option("FILE", "write there, whole or not at all", "-o")
    lock: str | None = option("FILE", "write a lockfile as well")
    from_lock: str | None = option("FILE", "take everything from a lockfile instead")


class ResolveOptions(VmOptions, _Written):
    """What ``resolve`` is asked for."""

    examples = (
        "platform-abi resolve -M pc-q35-9.1 --platform linux-6.9 --device virtio-blk",
        "platform-abi resolve --platform linux-6.9 --lock vm.lock -- -machine pc-q35-9.1 -m 2G",
        "platform-abi resolve --from-lock vm.lock --format shell",
        "platform-abi resolve vm.xml --platform linux-6.9 --format libvirt",
    )

    libvirt: str | None = option(
        "VERSION", "which libvirt reads the domain of --format libvirt; else 9.0 and all since"
    )
    look: bool = flag("let the lockfile hold what the guest finds, by a look at a paused QEMU")
    qemu: str | None = option("BINARY", "the QEMU to look at; else $PLATFORM_ABI_QEMU or the usual")


class LockOptions(VmOptions):
    """What ``lock`` is asked for."""

    examples = (
        "platform-abi lock vm.xml -o vm.lock",
        "platform-abi lock virsh:vm1 --platform linux-6.9 -o vm1.lock",
        "platform-abi lock qmp:/run/vm.qmp -o vm.lock",
        "platform-abi lock -o vm.lock -- qemu-system-x86_64 -machine pc-q35-9.1 -m 2G",
    )

    output: str = option("FILE", "the lockfile, written whole or not at all", "-o", required=True)
    strict: bool = flag("refuse values beyond what the platform guarantees")
    look: bool = flag("let the lockfile hold what the guest finds, by a look at a paused QEMU")
    qemu: str | None = option("BINARY", "the QEMU to look at; else $PLATFORM_ABI_QEMU or the usual")


class ExplainOptions(VmOptions):
    """What ``explain`` is asked for."""

    examples = (
        "platform-abi explain machine.smm -M pc-q35-9.1 --platform linux-6.9",
        "platform-abi explain virtio-net.host-uso",
        "platform-abi explain capability-missing",
    )

    property: str = positional(
        "ID", "DRIVER.PROPERTY of a VM; or a feature, capability, platform or code by itself"
    )


class NamedOptions(Options):
    """Which entries of a list are asked for."""

    name: str | None = positional("NAME", "one of them, or what several begin with", nargs="?")
    names: bool = flag("names only, one a line")


class FeaturesOptions(NamedOptions):
    """What ``features`` is asked for."""

    examples = (
        "platform-abi features",
        "platform-abi features virtio-net",
        "platform-abi features virtio-net.host-uso",
    )


class CapabilitiesOptions(NamedOptions):
    """What ``capabilities`` is asked for."""

    examples = (
        "platform-abi capabilities tun",
        "platform-abi capabilities tun.uso",
    )


class WhereOptions(Options):
    """What ``where`` is asked for."""

    examples = ("platform-abi where", "platform-abi where linux-6.9")

    name: str | None = positional("NAME", "the files that define it", nargs="?")


class SchemaOptions(Options):
    """What ``schema`` is asked for."""

    examples = (
        "platform-abi schema",
        "platform-abi schema check > check.schema.json",
    )

    name: str | None = positional("NAME", "a document; without, all names", nargs="?")


class PlatformsOptions(ScopeOptions):
    """What ``platforms`` is asked for; only *name* and *names* where it is not about a host."""

    examples = (
        "platform-abi platforms --host this",
        "platform-abi platforms rocky",
        "platform-abi platforms linux-6.9",
        "platform-abi platforms --host node7.json --format labels",
    )

    name: str | None = positional(
        "NAME", "NAME[@EDITION]: what it lists; a lineage or distribution: its own", nargs="?"
    )
    names: bool = flag("names only, one a line")
    host: str | None = option(
        "REPORT", "what that host supports and why not; 'this' probes, as ssh:HOST"
    )
    all: bool = flag(
        "every platform: not a line a lineage, and with --host those of others as well"
    )
    policy: str | None = option("NAME", "newest or conservative: which one to choose")
    format: str = option(
        None, "for schedulers", choices=("table", "labels", "traits"), default="table"
    )


class HostOptions(Options):
    """What ``host`` is asked for."""

    examples = (
        "platform-abi host",
        "platform-abi host --name node7 -o node7.json",
        "platform-abi host ssh:node7 ssh:root@node8 --line",
        "platform-abi host --no-qemu --line >> hosts.jsonl",
        "platform-abi host --format prometheus -o /var/lib/node_exporter/platform-abi.prom",
    )

    hosts: tuple[str, ...] = positional(
        "HOST", "'this', the default, or ssh:HOST, which needs python3 and no more", nargs="*"
    )
    output: str | None = option("FILE", "write the report there, whole or not at all", "-o")
    line: bool = flag("the report as one line, for a file of many hosts")
    format: str = option(
        None,
        "report, or metrics for Prometheus: platforms, capabilities, the time",
        choices=("report", "prometheus"),
        default="report",
    )
    name: str | None = option("NAME", "what to call the host in the report; nothing by default")
    infer: bool = flag("add what the kernel's release predicts, marked")
    qemu: tuple[str, ...] = repeated(
        "BINARY", "a QEMU to report, the first one asked; else $PLATFORM_ABI_QEMU or the usual"
    )
    look: tuple[str, ...] = repeated(
        "MACHINE", "a machine type to be looked at as a guest would; seconds for each and each QEMU"
    )
    no_qemu: bool = flag("start no QEMU")
    oracle: bool = flag("let a throw-away QEMU answer what no probe could")
    timeout: float | None = seconds("how long one device may take to answer")
    probe_script: bool = flag("print the script that ssh:HOST runs there; its report is a line")


class CheckOptions(VmOptions):
    """What ``check`` is asked for."""

    examples = (
        "platform-abi check vm.lock",
        "platform-abi check vm.lock --from this --to ssh:node7",
        "platform-abi check -M pc-q35-9.1 --platform linux-6.9 --host node7.json",
    )

    host: str | None = option(
        "REPORT", "may it start there; 'this', the default, probes, as ssh:HOST"
    )
    source: str | None = option("REPORT", "may it move from there", "--from")
    destination: str | None = option("REPORT", "to there, and come back", "--to")
    qemu: str | None = option("QEMU", "which QEMU of --host runs it: path, version, identity")
    from_qemu: str | None = option("QEMU", "which QEMU of --from it runs in")
    to_qemu: str | None = option("QEMU", "which QEMU of --to it is to run in")
    allow_unknown: bool = flag("let what is not known pass, and record it")
    force: bool = flag("let everything pass, and record it")


class BaselineOptions(ScopeOptions):
    """What ``baseline`` is asked for."""

    examples = (
        "platform-abi baseline node6.json node7.json ssh:node8",
        "platform-abi baseline hosts.jsonl --lock vm.lock --joins new.json",
    )

    hosts: tuple[str, ...] = positional(
        "HOST", "host reports, one a file or one a line; -: stdin; ssh:HOST", nargs="+"
    )
    edition: str | None = option("EDITION", "edition of the platforms; else the newest")
    lock: tuple[str, ...] = repeated("SOURCE", "a VM: a lockfile, or what 'lock' takes")
    joins: tuple[str, ...] = repeated(
        "REPORT", "a report of a host that joins: which VMs could not move to it"
    )
    upgrade: tuple[str, ...] = repeated(
        "OLD=NEW", "a host, or its report, and its report after: which VMs it loses"
    )
    allow_unknown: bool = flag("let what is not known pass, and record it")


class ImportOptions(Options):
    """What ``import-qemu`` is asked for."""

    examples = (
        "platform-abi import-qemu /usr/bin/qemu-system-x86_64 --keep",
        "platform-abi import-qemu /usr/libexec/qemu-kvm --generation rhel9.6.0=9.1 -o machines",
    )

    binary: str = positional("BINARY", "qemu-system-ARCH, or a wrapper that starts it")
    output: str | None = option("DIR", "write below this folder of machines", "-o")
    keep: bool = flag("keep what it says for this user's starts")
    system: bool = flag("keep it for all users: below /var/lib/platform-abi")
    name: str | None = option("NAME", "what to call the build; else by version and vendor")
    vendor: str | None = option("V", "who built it; else as its package says")
    package: str | None = option("P", "its package; else as query-version says")
    generation: tuple[str, ...] = repeated(
        "NAME=X.Y", "upstream generation of a vendor's machine type, or of its version"
    )
    timeout: float | None = seconds("how long QEMU may take for one answer")
    force: bool = flag("replace another build, or files that know more")
    quiet: bool = flag("print errors only")


class AuditOptions(Options):
    """What ``audit-qemu`` is asked for."""

    examples = (
        "platform-abi audit-qemu build/qemu-system-x86_64 -M pc-q35-9.1",
        "platform-abi audit-qemu NEW --against-binary OLD --json",
    )

    binary: str = positional("BINARY", "qemu-system-ARCH, or a wrapper that starts it")
    against: str | None = option("BUILD", "the build to hold it to; else the one it says it is")
    against_binary: str | None = option("OTHER", "another binary to hold it to instead")
    machine: tuple[str, ...] = repeated("TYPE", "these machine types only, aliases too", "-M")
    view: str | None = option("FILE", "write what its guests would find; alone, do only that")
    junit: str | None = option("FILE", "write the verdict as JUnit's XML too, for CI systems")
    timeout: float | None = seconds("how long one QEMU may take to answer")


class RunOptions(Options):
    """What ``run`` is asked for."""

    examples = (
        "platform-abi run -- qemu-system-x86_64 -M q35 -platform linux-6.9,lock=vm.lock -m 2G",
        "platform-abi run --print-args -- qemu-system-x86_64 -M q35 -platform linux-6.9",
    )

    qemu: str | None = option("BINARY", "the QEMU; else the first word, $PLATFORM_ABI_QEMU, PATH")
    arch: str | None = option("ARCH", "guest architecture, to find a QEMU for")
    host: str | None = option("REPORT", "do not ask this host: a report of it, by root perhaps")
    print_args: bool = flag("print the words, one a line; start nothing")
    words: tuple[str, ...] = positional(
        "-- QEMU ...",
        "a QEMU and its whole command line, with -platform NAME[,lock=FILE][,...]|help|none",
        nargs=argparse.REMAINDER,
    )


class MonitorOptions(Options):
    """What ``monitor`` is asked for."""

    examples = (
        "platform-abi monitor --listen unix:/run/vm/abi --qemu unix:/run/vm/qmp --lock vm.lock",
    )

    listen: str = option("SOCKET", "where clients connect: unix:PATH", required=True)
    qemu: str | None = option("SOCKET", "QEMU's own QMP socket: unix:PATH; none: this host alone")
    lock: str | None = option(
        "SOURCE", "the VM's lockfile, or what 'lock' takes, for query-platform"
    )
    platform: str | None = option("NAME", "the platform of a source that is no lockfile")
    mode: str = option("MODE", "permissions of the socket (0600)", default="0600")
    allow_tcp: bool = flag("take tcp:HOST:PORT as well, without encryption")


class VerifyOptions(Options):
    """What ``verify`` is asked for; *words* are QEMU's own."""

    examples = (
        "platform-abi verify --qmp /run/vm/qmp vm.lock",
        "platform-abi verify --start vm.lock",
    )

    qmp: str | None = option("SOCKET", "the QMP socket of a running QEMU: unix:PATH or PATH")
    start: bool = flag("a throw-away QEMU, paused, read by its devices too")
    qemu: str | None = option("BINARY", "the QEMU to start; else $PLATFORM_ABI_QEMU or the usual")
    timeout: float | None = seconds("how long QEMU may take to answer")
    host: str | None = option("REPORT", "what the host can do; 'this', the default, probes")
    allow_unknown: bool = flag("let what nobody can tell pass")
    update: bool = flag(
        "bring the lockfile up to date: what was plugged in or out of a running one"
    )
    backend: tuple[str, ...] = repeated(
        "NETDEV=KIND", "with --update, what a netdev is of which QEMU does not tell"
    )
    lock: str = positional(
        "SOURCE",
        "the lockfile, or what 'lock' takes; then, with --start, -- and QEMU's arguments instead",
    )
    words: tuple[str, ...] = others()


class RehearseOptions(Options):
    """What ``rehearse`` is asked for; *words* are QEMU's own."""

    examples = ("platform-abi rehearse --qemu OLD --to-qemu NEW --back vm.lock",)

    qemu: str = option("OLD", "the QEMU that the guest is in", required=True)
    to_qemu: str = option("NEW", "the QEMU that it is to move to", required=True)
    back: bool = flag("and come back again")
    arch: str | None = option("ARCH", "guest architecture of a command line, where OLD says none")
    timeout: float | None = seconds("how long a QEMU may take to answer, and a migration to end")
    allow_unknown: bool = flag("let what could not be rehearsed pass")
    lock: str | None = positional(
        "SOURCE",
        "a lockfile, or what 'lock' takes; then, or instead, -- and QEMU's arguments",
        nargs="?",
    )
    words: tuple[str, ...] = others()


class ExplainErrorOptions(Options):
    """What ``explain-error`` is asked for."""

    examples = (
        "platform-abi explain-error --file /var/log/libvirt/qemu/vm.log",
        "journalctl -u libvirtd | platform-abi explain-error -",
    )

    text: tuple[str, ...] = positional(
        "TEXT", "what QEMU said, whole logs too; -: stdin", nargs="*"
    )
    file: str | None = option("FILE", "read it from there; -: stdin")
    device: str | None = option("DRIVER", "the device that said it, where no line names one")


class DiffOptions(Options):
    """What ``diff`` is asked for."""

    examples = (
        "platform-abi diff platform linux-6.5 linux-6.9",
        "platform-abi diff machine pc-q35-9.0 pc-q35-9.1",
        "platform-abi diff host node6.json node7.json",
    )

    kind: str = positional(choices=("platform", "abi", "host", "machine", "build", "edition"))
    before: str = positional(
        "A", "a platform, lockfile, host report, machine type, QEMU build or binary, or edition"
    )
    after: str = positional("B")
    machine: str | None = option("TYPE", "the machine type to compare in two builds", "-M")
    build: str | None = option("NAME", "the build whose machine types to compare; else the newest")
    arch: str | None = option("ARCH", "guest architecture of machine types (x86_64)")
    driver: tuple[str, ...] = repeated("DRIVER", "this driver only, or all below this QOM type")
    all: bool = flag("also what no guest can see, or only one build has")
    csv: bool = flag("comma-separated values, not a table")


class LintOptions(Options):
    """What ``lint`` is asked for."""

    examples = ("platform-abi lint ~/.config/platform-abi", "platform-abi lint --alone definitions")

    folder: str | None = positional(
        "FOLDER", "of definitions, read on top of the others; without, all that are read", nargs="?"
    )
    alone: bool = flag("FOLDER is a whole set of definitions: read no others")


class KernelOptions(Options):
    """What ``kernel`` is asked for."""

    examples = (
        "platform-abi kernel linux-source-6.12.tar.xz --config config.amd64_none_amd64.xz",
        "platform-abi kernel ~/src/linux --revision v6.18 --all",
        "platform-abi kernel ~/src/kernel-acme --propose linux-acme-7 -o definitions",
    )

    tree: str | None = positional(
        "TREE", "a folder of source or headers, a git repository, or a tarball", nargs="?"
    )
    revision: str | None = option("REV", "of the git repository: a tag, a branch, a commit", "-r")
    config: str | None = option("FILE", "the kernel's configuration, which may be compressed")
    platform: str | None = option(
        "PLATFORM", "to hold it against; else the upstream one of its release"
    )
    all: bool = flag("every capability, not only what is otherwise than expected")
    propose: str | None = option("NAME", "write a platform of this name, by what was seen")
    title: str | None = option("TEXT", "what people call that platform")
    output: str | None = option("FOLDER", "of definitions that it goes to", "-o")


class NewOptions(Options):
    """What ``new`` is asked for."""

    examples = (
        "platform-abi new platform linux-acme-6.9 --extends linux-6.6 --level kvm-x86=6.9",
        "platform-abi new capability tun.acme --since 6.9 --symbol TUN_F_ACME",
        (
            "platform-abi new feature virtio-net.acme --property virtio-net-device.host_uso "
            "--requires tap=tun.uso"
        ),
        'platform-abi new mask virtio-net.host-uso --platform "*" --reason "loses packets"',
    )

    kind: str = positional(choices=("platform", "feature", "capability", "mask"))
    name: str = positional("NAME", "of a mask: the feature that it withdraws")
    output: str | None = option("FOLDER", "of definitions; else this user's own", "-o")
    title: str | None = option("TEXT", "what people call it")
    extends: str | None = option("PLATFORM", "a platform: what it is as, but for what it says")
    level: tuple[str, ...] = repeated(
        "SUBSYSTEM=X.Y", "a platform: the upstream kernel that a subsystem is as; 'kernel': all"
    )
    lineage: str | None = option("NAME", "a platform: its folder; else by its name")
    edition: str | None = option(
        "EDITION", "a platform, a feature: that brings it; else what a bare name means"
    )
    released: str | None = option("YYYY-MM-DD", "a platform: the day of its release")
    property: tuple[str, ...] = repeated("DRIVER.PROPERTY", "a feature: what it sets")
    requires: tuple[str, ...] = repeated(
        "BACKEND=CAP,...", "a feature: what it needs of a host, behind which backend"
    )
    generation: str | None = option("X.Y", "a feature: the first machine types that have it")
    subsystem: str | None = option("NAME", "a capability: whose it is; else as its name begins")
    since: str | None = option("X.Y", "a capability: the first upstream kernel; 'never'")
    symbol: str | None = option("NAME", "a capability: what the kernel calls it")
    reference: str | None = option("SOURCE", "where it can be read: file and function, a commit")
    platform: str = option("NAME", "a mask: of which platform; '*': of all", default="*")
    reason: str | None = option("TEXT", "a mask: why")


class InstallOptions(Options):
    """What ``install`` is asked for."""

    examples = (
        "platform-abi install linux-acme-6.9.toml",
        "platform-abi install --system acme-definitions/",
    )

    source: str = positional("PATH", "a definition file, or a folder of definitions")
    output: str | None = option("FOLDER", "put it there; else where this user's are read", "-o")
    system: bool = flag("put it where all users' are read: /etc/platform-abi")
    force: bool = flag("replace what is there with other contents")


class FreezeOptions(Options):
    """What ``freeze`` is asked for."""

    examples = ("platform-abi freeze 2027.1", "platform-abi freeze 2027.1 --release")

    edition: str = positional("EDITION", "a year and a number: to begin, to bring up to date")
    release: bool = flag("release it today; when the day is over (UTC), it never changes again")
    definitions: str = option("FOLDER", "a whole set of definitions", default="definitions")


class SiteOptions(Options):
    """What ``site`` is asked for."""

    examples = ("platform-abi site -o site/",)

    output: str = option(
        "FOLDER", "a new one, or an earlier site, which it replaces", "-o", required=True
    )


class FleetOptions(Options):
    """What ``fleet`` is asked for."""

    examples = (
        "platform-abi fleet add hosts/*.json vms/*.lock",
        "platform-abi fleet where vm.lock",
        "platform-abi fleet matrix --format csv -o matrix.csv",
        "platform-abi fleet what-if --upgrade node7=new.json",
        "platform-abi fleet history node7",
        "platform-abi fleet page -o site/",
    )

    question: str = positional(
        "QUESTION",
        "add, list, where, matrix, what-if, history, forget, export or page",
        choices=(
            "add",
            "list",
            "where",
            "matrix",
            "what-if",
            "history",
            "forget",
            "export",
            "page",
        ),
    )
    named: tuple[str, ...] = positional(
        "NAME",
        "add: reports, lockfiles, ssh:HOST, any source of a VM; where: a VM; export: a folder; "
        "history, forget: names",
        nargs="*",
    )
    store: str | None = option("FILE", "where the fleet is kept; else $PLATFORM_ABI_FLEET")
    upgrade: tuple[str, ...] = repeated("NAME=REPORT", "what-if: a host with another report")
    joins: tuple[str, ...] = repeated("REPORT", "what-if: hosts that come")
    each: bool = flag("matrix: a row for every VM and host, not for every kind of them")
    format: str | None = option(
        None, "matrix: in this form", choices=("csv", "json", "parquet"), default=None
    )
    output: str | None = option(
        "PATH", "matrix: the file, page: the folder to write, whole or not at all", "-o"
    )
    allow_unknown: bool = flag("take what is not known of a host for present")
    engine: str | None = option("MASTER", "ask Spark: spark://HOST:PORT, local[2]; else DuckDB")
    data: str | None = option("FOLDER", "what 'export' wrote, where --engine reads it")
    timeout: float | None = seconds("wait so long for who has the store open (10)")


VERBS: Verbs = {
    "resolve": (
        "the QEMU arguments that give a VM the same guest ABI on every host",
        ResolveOptions,
    ),
    "lock": (
        "the lockfile of a VM as you have it: a domain XML, a process, a command line",
        LockOptions,
    ),
    "explain": (
        "which layer sets a property, in which file and line; or what any printed id means",
        ExplainOptions,
    ),
    "platforms": ("the platforms that are defined, or what one of them lists", PlatformsOptions),
    "features": ("what a host would decide of a guest, if nobody pinned it", FeaturesOptions),
    "capabilities": ("what features need of a host, and how it is asked", CapabilitiesOptions),
    "host": ("what this host offers, how each fact was found, its newest platform", HostOptions),
    "check": ("whether a VM may start on a host, or move to another and back", CheckOptions),
    "baseline": ("the newest platform that many hosts have in common", BaselineOptions),
    "fleet": (
        "which VM can go where: a fleet kept in a store, and what is asked of all of it",
        FleetOptions,
    ),
    "diff": (
        "what differs between two platforms, lockfiles, hosts, machine types or QEMU builds",
        DiffOptions,
    ),
    "import-qemu": ("the machine types and properties of a QEMU binary", ImportOptions),
    "audit-qemu": ("whether a QEMU binary keeps the promises of what is known", AuditOptions),
    "run": ("QEMU with a platform: this process becomes it", RunOptions),
    "verify": ("what a running QEMU really offers, against its lockfile", VerifyOptions),
    "rehearse": (
        "whether a VM moves from one QEMU to another, tried here without its guest",
        RehearseOptions,
    ),
    "monitor": ("a QMP server in front of QEMU's that answers query-platforms", MonitorOptions),
    "where": ("which folders definitions are read from, in which order", WhereOptions),
    "lint": ("everything that is wrong in a folder of definitions, at once", LintOptions),
    "new": ("a platform, feature, capability or mask of one's own, begun", NewOptions),
    "install": ("definitions looked at and put where they are read", InstallOptions),
    "freeze": ("the lock of an edition: what each platform means, for ever", FreezeOptions),
    "kernel": (
        "which capabilities a kernel's source has, and whether its platform is right",
        KernelOptions,
    ),
    "site": (
        "what is defined as pages: platforms, machine types, builds, features, capabilities",
        SiteOptions,
    ),
    "schema": ("the JSON Schema of a document that is printed or read", SchemaOptions),
    "explain-error": (
        "what a line of QEMU's about a failed migration means",
        ExplainErrorOptions,
    ),
}
