# SPDX-License-Identifier: MIT
"""``homemail mailbox``, beside a running server and without one."""

from __future__ import annotations

import json
import stat

import pytest

from tests.house.server import homemail
from tests.house.test_first_mail import LETTER

pytestmark = [pytest.mark.slow, pytest.mark.loop]


def expunge_all(house, account: str = "alice") -> None:
    house.empty(account)


def listed(house, account: str = "alice") -> list[dict]:
    found = json.loads(house.command("mailbox", "undelete", account, "--json"))
    return [one for one in found if one["subject"] == "hello"]  # not the welcome


def test_beside_a_server_and_without_one(new_house):
    house = new_house().start()
    data = house.directory / "data"
    control = next(
        path for path in (data / "control", house.directory / "control") if path.exists()
    )
    assert stat.S_IMODE(control.stat().st_mode) == 0o600
    house.empty()
    house.send(LETTER, "alice@home.test", "bob@home.test")
    client = house.imap()
    client.select()
    client.store("1", "+FLAGS", "(\\Seen $Work)")
    expunge_all(house)
    (removed,) = listed(house)
    assert (removed["mailbox"], removed["subject"], removed["from"]) == (
        "INBOX", "hello", "bob@home.test",
    )  # fmt: skip
    assert house.command("mailbox", "undelete", "alice").split("\t")[0] == removed["id"]
    said = house.command("mailbox", "undelete", "alice", removed["id"])
    assert said == "alice INBOX: 1 brought back\n"
    client.noop()  # the open session is told
    assert client.response("EXISTS")[1][-1] == b"1"
    flags = client.fetch("1", "(FLAGS)")[1][0]
    assert b"\\Seen" in flags and b"$Work" in flags and b"\\Deleted" not in flags
    client.logout()
    assert listed(house) == []
    checked = house.command("mailbox", "check")
    assert "bob INBOX: 1 messages, nothing wrong" in checked
    assert "1 messages read" in house.command("mailbox", "reindex", "alice")
    expunge_all(house, "bob")

    house.stop()
    assert not control.exists()
    assert house.command("mailbox", "undelete", "bob", "--all", "--since", "1h").startswith(
        "bob INBOX: "
    )
    assert house.command("mailbox", "undelete", "bob", "--all") == "nothing to bring back\n"
    (message,) = (house.home("alice") / "Maildir/cur").iterdir()
    message.write_bytes(message.read_bytes()[:-3])
    done = homemail("mailbox", "check", "alice", "--directory", house.directory)
    assert done.returncode == 1 and "octets, its name says" in done.stdout
    done = homemail("mailbox", "check", "nobody", "--directory", house.directory)
    assert (done.returncode, done.stderr) == (1, "homemail: nobody: No such user here\n")
    done = homemail("mailbox", "check", "bob", "--mailbox", "No", "--directory", house.directory)
    assert (done.returncode, done.stderr) == (1, "homemail: there is no mailbox No\n")
