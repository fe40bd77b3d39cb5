# SPDX-License-Identifier: MIT
"""A quota on a running server: it counts at once, for mail that comes and for clients."""

from __future__ import annotations

import smtplib

import pytest

from tests.house.test_first_mail import LETTER

pytestmark = [pytest.mark.slow, pytest.mark.loop]


def limit(house, account: str, option: str) -> None:
    users = house.directory / "users"
    lines = users.read_text().splitlines()
    users.write_text("".join(f"{_limited(line, account, option)}\n" for line in lines))


def _limited(line: str, account: str, option: str) -> str:
    if not line.startswith(f"{account}:"):
        return line
    fields = line.split(":", 7)
    fields += [""] * (8 - len(fields))
    words = [word for word in fields[7].split() if not word.startswith("quota")]
    return ":".join([*fields[:7], " ".join([*words, *filter(None, [option])])])


def test_quota(house):
    limit(house, "bob", "quota=1900")
    try:
        house.send(LETTER, "bob@home.test")
        with smtplib.SMTP("127.0.0.1", house.port("smtp"), timeout=60) as client:
            client.ehlo("elsewhere.example")
            client.mail("ann@elsewhere.example", ["SIZE=5000"])
            code, text = client.rcpt("bob@home.test")
            assert (code, text[:5]) == (552, b"5.2.2")
            client.rset()
            client.mail("ann@elsewhere.example", ["SIZE=1800"])
            code, text = client.rcpt("bob@home.test")
            assert (code, text[:5]) == (452, b"4.2.2")
            client.rset()
            big = LETTER + b"line\r\n" * 240  # nothing said of its size
            client.mail("ann@elsewhere.example")
            assert client.rcpt("bob@home.test")[0] == 250
            code, text = client.data(big)
            assert (code, text[:5]) == (452, b"4.2.2")
        client = house.imap("bob")
        kind, answers = client.append("INBOX", None, None, big + b"line\r\n" * 50)
        assert (kind, b"[OVERQUOTA]" in answers[0]) == ("NO", True)
        client.logout()
        assert len(house.messages("bob")) == 1
        limit(house, "bob", "")
        house.send(big, "bob@home.test")
        assert len(house.messages("bob")) == 2
    finally:
        limit(house, "bob", "")
