"""Secrets of a command line: nothing that is made of one has them, wherever they stood."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.lockfile import lockfile
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.described import described
from platform_abi.launch.secrets import MASK, masked
from tests.conftest import DEFINITIONS
from tests.launch.lines import CORPUS

CATALOGUE = pa.FileCatalogue([DEFINITIONS])
TABLE = CATALOGUE.options()

#: What no other word of a command line is.
_SECRETS = st.text("abcXYZ0189", min_size=6, max_size=20).map(lambda text: f"s3cr{text}")

#: Where people have secrets, each as an option with its argument.
_PLACES = [
    ("object", "secret,id=s0,data={}"),
    ("object", "secret,data={},id=s0,format=raw"),
    ("object", '{{"qom-type":"secret","id":"s0","data":"{}"}}'),
    ("object", '{{"qom-type":"secret","data":"{}'),
    ("drive", "file=rbd:pool/image:id=admin:key={}:auth_supported=cephx,if=none,id=d0"),
    ("drive", "file=https://user:{}@host/image.img,format=raw,if=none"),
    ("drive", "driver=iscsi,transport=tcp,portal=h,target=t,password={},if=none,id=x"),
    ("drive", "file.driver=https,file.url=https://h/i,file.cookie={},if=none,id=x"),
    ("blockdev", '{{"driver":"https","url":"https://h/i","cookie":"{}","node-name":"n"}}'),
    ("blockdev", '{{"driver":"qcow2","file":{{"driver":"https","cookie":"{}"}}}}'),
    ("iscsi", "initiator-name=iqn,user=u,password={}"),
    ("hda", "iscsi://user%{}@host/target/0"),
    ("spice", "port=5900,password={}"),
    ("fw_cfg", "name=opt/com.coreos/config,string={}"),
    ("smbios", "type=11,value=io.systemd.credential:passwd.hashed-password.root={}"),
    ("smbios", "type=11,value=io.systemd.credential.binary:x={}"),
    ("append", "root=/dev/vda token={} quiet"),
    ("append", "systemd.set_credential=a:{}"),
    ("nobody-knows", "password={}"),
    ("nobody-knows", "x=1,a.passphrase={},y=2"),
]  # fmt: skip


@given(place=st.sampled_from(_PLACES), secret=_SECRETS)
def test_no_secret_is_left(place: tuple[str, str], secret: str) -> None:
    """Of every place that the data lists, in each of QEMU's languages, whole or broken."""
    option, text = place
    found = masked(TABLE, option, text.format(secret))
    assert secret not in found
    assert MASK in found
    assert found == masked(TABLE, option, found)


@given(place=st.sampled_from(_PLACES), secret=_SECRETS, more=st.sampled_from(CORPUS))
def test_nothing_that_is_made_of_a_command_line_has_it(
    place: tuple[str, str], secret: str, more: list[str]
) -> None:
    """No virtual machine, lockfile, remark or error has a secret in it."""
    assume("-machine" in more)
    option, text = place
    words = [*more, f"-{option}", text.format(secret)]
    said = ""
    try:
        read = described(CATALOGUE, read_command_line(TABLE, words), arch="x86_64")
        said = repr(read)
        said += lockfile(CATALOGUE, pa.resolve(CATALOGUE, read.vm, "linux-6.1"))
    except pa.PlatformAbiError as error:
        said += repr(error) + error.message + error.help
    assert secret not in said


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("device", "virtio-net-pci,netdev=n0,id=net0,mac=52:54:00:12:34:56"),
        ("device", '{"driver":"virtio-blk-pci","drive":"d0", "id":"a"}'),
        ("drive", "file=/a,,b.img,format=raw,key=value"),
        ("append", "root=/dev/vda console=ttyS0 a=b"),
        ("smbios", "type=1,serial=ds=nocloud;s=http://10.0.2.2:8000/"),
        ("chardev", "socket,id=c,path=/run/a@b:c"),
        ("cpu", "host,+vmx,-svm"),
        ("name", "guest=token,debug-threads=on"),
        ("", "/images/secret=no.img"),
    ],
)
def test_what_is_no_secret_is_as_it_was(option: str, text: str) -> None:
    """To the byte: also how JSON was written."""
    if option:
        assert text == masked(TABLE, option, text)


def test_a_guest_that_sees_its_length_keeps_it() -> None:
    """Two of other lengths are two virtual machines, in bytes."""
    assert "name=opt/a,string=masked-4" == masked(TABLE, "fw_cfg", "name=opt/a,string=äb1")


def test_json_stays_json() -> None:
    """Numbers and truth values of a masked object are what they were."""
    text = '{"qom-type": "secret", "data": "x", "n": 1, "b": true, "l": [{"password": 7}]}'
    assert {
        "qom-type": "secret", "data": MASK, "n": 1, "b": True, "l": [{"password": MASK}]
    } == json.loads(masked(TABLE, "object", text))  # fmt: skip
