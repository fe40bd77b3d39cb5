# SPDX-License-Identifier: MIT
"""A house with a file of aliases: everything that can stand in one, while the file is edited."""

from __future__ import annotations

import smtplib
from pathlib import Path

import pytest

from tests.house.server import House, wait_for

pytestmark = pytest.mark.slow
LETTER = b"From: ann@elsewhere.example\r\n\r\nHello.\r\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o644)
    return path


@pytest.fixture
def house(new_house, tmp_path) -> House:
    write(tmp_path / "list", "bob\n# carol\ncarol, ann+copy@home.test\n")
    write(
        tmp_path / "aliases",
        f"root: alice\n"
        f"sales: root, bob\n"
        f'robot: "|cat > {tmp_path}/robot"\n'
        f"archive: {tmp_path}/archive, /dev/null\n"
        f"club: :include:{tmp_path}/list\n"
        f"owner-club: root\n"
        f"ann: carol\n"
        f"a: b\nb: a\n",
    )
    write(tmp_path / "virtual", "shop.example virtual\n@shop.example sales\n")
    house = new_house(
        settings=f'alias_maps = ["hash:{tmp_path}/aliases"]\n'
        f'virtual_alias_maps = ["hash:{tmp_path}/virtual"]\n'
        'canonical_maps = ["inline:{ bob=Bob.Blum }"]\n'
    )
    return house.start()


def send(house: House, subject: str, *recipients: str) -> None:
    house.send(b"Subject: " + subject.encode() + b"\r\n" + LETTER, *recipients)


def mail(house: House, subject: str, *accounts: str) -> list[list[str]]:
    """Return what each account has of this subject, from the files themselves."""
    found = []
    for account in accounts or ("alice", "bob", "carol"):
        files = sorted((house.home(account) / "Maildir").glob("[nc][eu][wr]/*"))
        texts = (file.read_text() for file in files)
        found.append([text for text in texts if f"Subject: {subject}\n" in text])
    return found


def counts(house: House, subject: str) -> list[int]:
    return [len(texts) for texts in mail(house, subject)]


def test_aliases(house: House, tmp_path: Path) -> None:
    send(house, "one", "sales@home.test")
    assert counts(house, "one") == [1, 1, 0]
    send(house, "two", "Anything@Shop.example", "alice@home.test")
    assert counts(house, "two") == [1, 1, 0]
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(house, "circle", "a@home.test")
    assert b"5.4.6" in refused.value.recipients["a@home.test"][1]

    send(house, "targets", "robot@home.test", "archive@home.test")
    wait_for(lambda: (tmp_path / "robot").exists() and (tmp_path / "archive").exists())
    wait_for(lambda: (tmp_path / "archive").read_text().endswith("Hello.\n\n"))
    wait_for(lambda: "Delivered-To: robot@home.test\n" in (tmp_path / "robot").read_text())

    send(house, "list", "club@home.test")
    wait_for(lambda: counts(house, "list") == [0, 1, 1])
    ((message,),) = mail(house, "list", "bob")
    assert message.startswith("Return-Path: <owner-club@home.test>\n")
    assert "\nDelivered-To: club@home.test\n" in message

    write(tmp_path / "aliases", "sales: carol\n")
    send(house, "edited", "sales@home.test")
    assert counts(house, "edited") == [0, 0, 1]
    assert "sales@home.test -> carol" in house.command("explain", "sales@home.test")

    (tmp_path / "aliases").unlink()
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(house, "gone", "sales@home.test")
    assert refused.value.recipients["sales@home.test"][0] == 451


def test_failures_of_a_list_go_to_its_owner(house: House, tmp_path: Path) -> None:
    write(tmp_path / "list", "nobody-here@home.test, bob\n")
    send(house, "x", "club@home.test")
    subject = "Undelivered Mail Returned to Sender"
    wait_for(lambda: counts(house, subject) == [1, 0, 0])
    ((message,),) = mail(house, subject, "alice")
    assert "nobody-here@home.test" in message
