# SPDX-License-Identifier: MIT
"""Whole accounts kept in step by other programs: Dovecot over imapc, offlineimap, mbsync."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.house.server import House, need
from tests.house.test_real_readers import LETTERS, assert_all_letters, maildir_files, run

pytestmark = [pytest.mark.slow, pytest.mark.real]
NOBODY = 65534


def fill(house: House) -> None:
    """Give alice the letters, mailboxes with odd names, flags and keywords."""
    for letter in LETTERS:
        house.send(letter)
    client = house.imap()
    for name in ("Work/2024", '"Gr&APwA3w-e"'):
        assert client.create(name)[0] == "OK"
    client.select()
    client.copy("1:3", "Work/2024")
    client.store("2", "+FLAGS", "(\\Flagged $Work)")
    client.store("3", "+FLAGS", "(\\Seen \\Answered)")
    client.logout()


def contents(house: House, account: str) -> dict[str, list[tuple[str, bytes]]]:
    """Return flags and octets of every message by mailbox."""
    client = house.imap(account)
    found: dict[str, list[tuple[str, bytes]]] = {}
    for row in client.list()[1]:
        name = row.decode().partition(' "/" ')[2]
        client.select(name, readonly=True)
        found[name] = []
        for uid in client.uid("SEARCH", "ALL")[1][0].split():
            (head, octets), *_ = client.uid("FETCH", uid.decode(), "(FLAGS BODY.PEEK[])")[1]
            flags = head.decode().partition("FLAGS (")[2].partition(")")[0].split()
            found[name].append((" ".join(sorted({*flags} - {"\\Recent"})), octets))
        found[name].sort()
    client.logout()
    return found


class Dovecot:
    """Dovecot's own mailboxes in a directory, and another server's over imapc. No service runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        need("doveadm")
        if not Path("/usr/lib/dovecot/modules").is_dir():
            pytest.skip("dovecot-imapd is not installed (.ci/peers installs it)")
        directory.chmod(0o755)
        if os.getuid() == 0:  # doveadm does not work as root
            os.chown(directory, NOBODY, NOBODY)

    def run(self, house: House, account: str, *words: str) -> str:
        ids = (NOBODY, NOBODY) if os.getuid() == 0 else (os.getuid(), os.getgid())
        settings = self.directory / "dovecot.conf"
        settings.write_text(
            f"base_dir = {self.directory}/run\nlog_path = /dev/stderr\n"
            f"mail_location = maildir:{self.directory}/mail\nmail_home = {self.directory}\n"
            f"mail_uid = {ids[0]}\nmail_gid = {ids[1]}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n"
            f"imapc_host = 127.0.0.1\nimapc_port = {house.port('imap')}\nimapc_ssl = no\n"
            f"imapc_user = {account}\nimapc_password = {house.password(account)}\n"
            "imapc_features = rfc822.size fetch-headers fetch-bodystructure search modseq\n"
            "namespace inbox {\n  inbox = yes\n  separator = /\n}\n"
        )
        env = {"USER": account, "HOME": str(self.directory)}
        done = subprocess.run(
            [need("doveadm"), "-c", str(settings), *words],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        # 2: it would like to look again, as it did not know all names before it made them.
        assert done.returncode in (0, 2), done.stderr
        return done.stdout


@pytest.fixture
def dovecot():
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        yield Dovecot(Path(directory))


def test_dovecot_pulls_and_pushes_an_account(house, dovecot):
    fill(house)
    dovecot.run(house, "alice", "backup", "-R", "imapc:")
    told = dovecot.run(house, "alice", "mailbox", "status", "messages uidvalidity", "*")
    client = house.imap()
    for name, shown, count in (("INBOX", "INBOX", 5), ("Work/2024", "Work/2024", 3)):
        validity = client.status(name, "(UIDVALIDITY)")[1][0].decode().split()[-1].rstrip(")")
        assert f"{shown} messages={count} uidvalidity={validity}\n" in told
    client.logout()
    assert "Grüße messages=0" in told
    dovecot.run(house, "bob", "sync", "-1", "imapc:")
    assert contents(house, "bob") == contents(house, "alice")


def test_offlineimap_syncs_both_ways(house, tmp_path):
    for letter in LETTERS:
        house.send(letter)
    settings = tmp_path / "offlineimaprc"
    settings.write_text(
        f"[general]\naccounts = home\nmetadata = {tmp_path}/meta\nui = basic\n"
        "[Account home]\nlocalrepository = near\nremoterepository = far\n"
        f"[Repository near]\ntype = Maildir\nlocalfolders = {tmp_path}/mail\n"
        "[Repository far]\ntype = IMAP\nremotehost = 127.0.0.1\nssl = no\nstarttls = no\n"
        f"remoteport = {house.port('imap')}\nremoteuser = alice\n"
        f"remotepass = {house.password('alice')}\nauth_mechanisms = PLAIN\n"
    )
    offlineimap = [need("offlineimap"), "-o", "-c", settings]
    run(*offlineimap, env={"HOME": str(tmp_path)})
    inbox = tmp_path / "mail" / "INBOX"
    assert_all_letters(maildir_files(inbox))
    # flag one here, write a new one, remove one there
    first = min((inbox / "new").iterdir())
    first.rename(inbox / "cur" / (first.name.partition(":")[0] + ":2,FS"))
    (inbox / "cur" / "1.new.here:2,S").write_bytes(b"Subject: new here\n\nText\n")
    client = house.imap()
    client.select()
    (gone,) = client.search(None, "SUBJECT", '"letter 5"')[1][0].split()
    client.store(gone.decode(), "+FLAGS", "\\Deleted")
    client.expunge()
    client.logout()
    run(*offlineimap, env={"HOME": str(tmp_path)})
    assert len(maildir_files(inbox)) == 5
    client = house.imap()
    client.select()
    assert len(client.search(None, "FLAGGED", "SEEN")[1][0].split()) == 1
    assert len(client.search(None, "SUBJECT", '"new here"')[1][0].split()) == 1
    assert len(client.search(None, "ALL")[1][0].split()) == 5
    client.logout()


def test_mbsync_goes_on_after_a_kill(new_house, tmp_path):
    """5,000 messages in all, and the server killed twice while they are exchanged."""
    house = new_house().start()
    there, here = 4_500, 500
    client = house.imap()
    text = b"Subject: there %d\r\nMessage-ID: <t%d@x.example>\r\n\r\nText %d\r\n"
    client.send(b"x1 APPEND INBOX")
    for number in range(there):
        letter = text % (number, number, number)
        client.send(b" {%d+}\r\n%b" % (len(letter), letter))
    client.send(b"\r\n")
    while not client.readline().startswith(b"x1 OK"):
        pass
    client.logout()
    inbox = tmp_path / "mail" / "INBOX"
    for place in ("new", "cur", "tmp"):
        (inbox / place).mkdir(parents=True)
    for number in range(here):
        letter = b"Subject: here %d\nMessage-ID: <h%d@x.example>\n\nText\n" % (number, number)
        (inbox / "cur" / f"{number}.here:2,S").write_bytes(letter)
    settings = tmp_path / "mbsyncrc"

    def mbsync() -> list[object]:
        settings.write_text(
            f"FSync no\nIMAPStore far\nHost 127.0.0.1\nPort {house.port('imap')}\nUser alice\n"
            f"Pass {house.password('alice')}\nSSLType None\nAuthMechs LOGIN\n\n"
            f"MaildirStore near\nPath {tmp_path}/mail/\nInbox {inbox}\nSubFolders Verbatim\n\n"
            "Channel all\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Both\nSyncState *\n"
        )
        return [need("mbsync"), "-c", str(settings), "-a"]

    places = [*(inbox / place for place in ("new", "cur"))]
    places += [house.home("alice") / "Maildir" / place for place in ("new", "cur")]

    def held() -> int:
        return sum(len(os.listdir(place)) for place in places)

    for _ in range(2):
        running = subprocess.Popen(list(map(str, mbsync())), stderr=subprocess.DEVNULL)
        begun, limit = held(), time.monotonic() + 60
        while held() < begun + 300:
            assert time.monotonic() < limit and running.poll() is None
            time.sleep(0.005)
        house.stop(signal.SIGKILL)
        assert running.wait(60) != 0
        house.start()
    run(*mbsync())
    run(*mbsync())
    wanted = {b"there %d" % n for n in range(there)} | {b"here %d" % n for n in range(here)}
    near = [octets.split(b"\n", 1)[0][9:].strip() for octets in maildir_files(inbox)]
    near = [subject for subject in near if b"ere " in subject]  # not the welcome
    assert len(near) == there + here and set(near) == wanted
    far = [octets.split(b"\r\n", 1)[0][9:] for octets in house.messages()]
    far = [subject for subject in far if b"ere " in subject]
    assert len(far) == there + here and set(far) == wanted
