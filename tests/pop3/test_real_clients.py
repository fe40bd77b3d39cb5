# SPDX-License-Identifier: MIT
"""Programs that people collect their mail with."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pop3.house import Pop3House

pytestmark = [pytest.mark.real, pytest.mark.slow]

MESSAGES = (b"Subject: one\r\n\r\nFirst\r\n", b"Subject: two\r\n\r\n.dots\r\n..\r\nend\r\n")


@pytest.fixture
def mail(house: Pop3House) -> Pop3House:
    house.file("bob", *MESSAGES)
    return house


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def fetchmail(mail: Pop3House, directory: Path, options: str, more: str = "") -> str:
    """Run fetchmail once; its messages go into the file ``got``. Return what it said."""
    rc = directory / "fetchmailrc"
    protocol = "" if "protocol" in options else "protocol POP3"
    rc.write_text(
        f"poll 127.0.0.1 {protocol} port {mail.port} {options}\n"
        f'user "bob" password "bob-secret" {more} mda "cat >> {directory}/got"\n'
    )
    rc.chmod(0o600)
    done = subprocess.run(
        [program("fetchmail"), "-v", "-f", rc, "--nosyslog", "--pidfile", directory / "pid"],
        env={"HOME": str(directory), "FETCHMAILHOME": str(directory), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
    )
    assert done.returncode in (0, 1), done.stdout  # 1: no mail
    return done.stdout


def got(directory: Path) -> list[bytes]:
    """Return the lines that arrived, without the fields that fetchmail adds."""
    path = directory / "got"
    return path.read_bytes().splitlines() if path.exists() else []


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ("auth password", "sslproto ''"),
        ("auth any", "sslproto ''"),
        ("auth password", "sslproto 'TLS1.2+' no sslcertck"),
        ("auth cram-md5", "sslproto ''"),
        ("protocol APOP auth password", "sslproto ''"),
    ],
    ids=["in the clear", "any", "under TLS", "CRAM-MD5", "APOP"],
)
def test_fetchmail_takes_everything(mail, tmp_path, options, more):
    fetchmail(mail, tmp_path, options, more)
    lines = got(tmp_path)
    assert lines.count(b"Subject: one") == lines.count(b"Subject: two") == 1
    assert b".dots" in lines
    assert b".." in lines
    assert mail.messages("bob") == 0


def test_fetchmail_keeps_by_unique_ids(mail, tmp_path):
    fetchmail(mail, tmp_path, "uidl", "keep sslproto ''")
    first = got(tmp_path)
    assert mail.messages("bob") == 2
    fetchmail(mail, tmp_path, "uidl", "keep sslproto ''")
    assert got(tmp_path) == first
    mail.file("bob", b"Subject: three\r\n\r\n")
    fetchmail(mail, tmp_path, "uidl", "keep sslproto ''")
    assert got(tmp_path)[len(first) :].count(b"Subject: three") == 1
    assert got(tmp_path).count(b"Subject: one") == 1


def test_fetchmail_keeps_by_last(mail, tmp_path):
    for _ in range(2):
        fetchmail(mail, tmp_path, "no uidl", "keep sslproto ''")
    assert got(tmp_path).count(b"Subject: two") == 1


@pytest.mark.parametrize("tls", ["tls off", "tls on\ntls_starttls on\ntls_certcheck off"])
@pytest.mark.parametrize(
    "auth", ["user", "plain", "login", "scram-sha-256", "cram-md5", "apop", "on"]
)
def test_mpop(mail, tmp_path, auth, tls):
    rc = tmp_path / "mpoprc"
    rc.write_text(
        f"account default\nhost 127.0.0.1\nport {mail.port}\n{tls}\nauth {auth}\n"
        f"user bob\npassword bob-secret\nkeep off\nuidls_file {tmp_path}/uidls\n"
        f'delivery mda /usr/bin/tee -a "{tmp_path}/got"\n'
    )
    rc.chmod(0o600)
    done = subprocess.run(
        [program("mpop"), f"--file={rc}"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [got(tmp_path).count(b"Subject: " + what) for what in (b"one", b"two")] == [1, 1]
    assert b".." in got(tmp_path)
    assert mail.messages("bob") == 0


@pytest.mark.parametrize("auth", ["PLAIN", "LOGIN", "CRAM-MD5", "+APOP"])
def test_curl(mail, auth):
    done = subprocess.run(
        [
            *(program("curl"), "-sS", "--ssl-reqd", "-k", "--login-options", f"AUTH={auth}"),
            *("-u", "bob:bob-secret", f"pop3://127.0.0.1:{mail.port}/2"),
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.splitlines() == MESSAGES[1].decode().splitlines(), done.stderr


@pytest.mark.parametrize("delete", [True, False])
def test_getmail(mail, tmp_path, delete):
    rc = tmp_path / "getmailrc"
    rc.write_text(
        f"[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = {mail.port}\n"
        f"username = bob\npassword = bob-secret\n"
        f"[destination]\ntype = MDA_external\nallow_root_commands = true\n"
        f'path = /usr/bin/tee\narguments = ("-a", "{tmp_path}/got")\n'
        f"[options]\ndelete = {str(delete).lower()}\nread_all = false\n"
    )
    rc.chmod(0o600)
    for _ in range(2):
        done = subprocess.run(
            [program("getmail"), f"--getmaildir={tmp_path}", f"--rcfile={rc}"],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert [got(tmp_path).count(b"Subject: " + what) for what in (b"one", b"two")] == [1, 1]
    assert b".." in got(tmp_path)
    assert mail.messages("bob") == (0 if delete else 2)


def test_s_nail(mail, tmp_path):
    done = subprocess.run(
        [
            *(program("s-nail"), "-R", "-n", "-S", "v15-compat", "-#", "-f"),
            *("-Y", "print 2", "-Y", "xit"),
            f"pop3://bob:bob-secret@127.0.0.1:{mail.port}",
        ],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    assert "Subject: two" in done.stdout, done.stdout + done.stderr
    assert ".dots" in done.stdout
