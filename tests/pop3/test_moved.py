# SPDX-License-Identifier: MIT
"""A Maildir that moves here from Dovecot: POP3 clients know every message again."""

from __future__ import annotations

import contextlib
import os
import poplib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from homemail.config.mailbox import MailboxSettings
from homemail.model.address import AccountId
from homemail.store import open_store
from homemail.store.lane import OwnerMail
from tests.pop3.house import Pop3House

pytestmark = [pytest.mark.real, pytest.mark.slow]

ALICE = AccountId("alice")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def dovecot(home: Path, form: str) -> Iterator[int]:
    """Run Dovecot's POP3 server on ``home/Maildir``, as somebody who is not root."""
    if not shutil.which("dovecot") or not Path("/usr/lib/dovecot/pop3").exists():
        pytest.skip("dovecot-pop3d is not installed (.ci/peers installs it)")
    if os.getuid() != 0:
        pytest.skip("Dovecot as it is set up here needs root")
    port, run = free_port(), home.parent / "dovecot"
    run.mkdir()
    subprocess.run(["chown", "-R", "nobody", str(home)], check=True)
    for directory in [home, *home.parents]:
        if directory.stat().st_uid == 0 and directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o011)
    settings = run / "dovecot.conf"
    settings.write_text(
        f"base_dir = {run}/run\nstate_dir = {run}/state\nlog_path = {run}/log\nprotocols = pop3\n"
        "listen = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\n"
        f"default_internal_user = nobody\ndefault_login_user = nobody\npop3_uidl_format = {form}\n"
        f"mail_location = maildir:{home}/Maildir\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n"
        "passdb {\n  driver = static\n  args = password=alice-secret\n}\n"
        f"userdb {{\n  driver = static\n  args = uid=nobody gid=nogroup home={home}\n}}\n"
        f"service pop3-login {{\n  chroot =\n  inet_listener pop3 {{\n    port = {port}\n  }}\n"
        "  inet_listener pop3s {\n    port = 0\n  }\n}\n"
        "service anvil {\n  chroot =\n}\nservice stats {\n  chroot =\n}\n"
    )
    process = subprocess.Popen(["dovecot", "-F", "-c", str(settings)])
    try:
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)
        subprocess.run(["chown", "-R", "root", str(home)], check=True)


def listed(port: int) -> list[bytes]:
    client = poplib.POP3("127.0.0.1", port, timeout=20)
    client.user("alice")
    client.pass_("alice-secret")
    ids = client.uidl()[1]
    client.quit()
    return ids


@pytest.mark.parametrize("form", ["%08Xu%08Xv", "%v.%u", "%f"])
def test_unique_ids_stay_those_of_dovecot(loop_thread, tmp_path, form):
    home = tmp_path / "home"
    for sub in ("tmp", "new", "cur"):
        (home / "Maildir" / sub).mkdir(parents=True)
    for number in range(5):
        file = home / "Maildir/new" / f"{1700000000 + number}.M{number}P1.host"
        file.write_text(f"Subject: {number}\n\nText\n")
    with dovecot(home, form) as port:
        before = listed(port)
    assert len(before) == 5
    with contextlib.closing(Pop3House(loop_thread, pop3_uidl_format=form)) as house:
        house.mail[ALICE] = OwnerMail(open_store(ALICE, home, MailboxSettings()))
        assert listed(house.port) == before
