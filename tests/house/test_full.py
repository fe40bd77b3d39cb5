# SPDX-License-Identifier: MIT
"""A full disk: everything is refused for now, nothing is lost, and it goes on with space."""

from __future__ import annotations

import os
import smtplib
import subprocess
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk"),
]

PART = b"From: ann@elsewhere.example\r\nSubject: %d\r\n\r\n" + b"full of it\r\n" * 4000


@pytest.fixture
def small_disk(tmp_path):
    """A directory on a disk of 6 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Take all the space that is left."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    return filler


def refused(house, *recipients: str) -> int:
    """Try to hand in a message; return the code of the refusal."""
    with pytest.raises((smtplib.SMTPException, OSError)) as caught:
        house.send(PART % 99, *recipients)
    error = caught.value
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))[0]
    assert isinstance(error, smtplib.SMTPResponseException), error
    return error.smtp_code


def test_a_full_disk(new_house, small_disk):
    house = new_house("disk/try").start()
    three = [f"{name}@home.test" for name in ("alice", "bob", "carol")]
    house.send(PART % 1, *three)
    filler = fill(small_disk)
    assert 400 <= refused(house, "alice@home.test") < 500
    assert 400 <= refused(house, *three) < 500
    line = house.imap("bob")
    line.select("INBOX")
    answer, text = line.append("INBOX", None, None, PART % 99)
    assert answer == "NO", text
    answer, found = line.fetch("1", "(BODY.PEEK[])")
    assert answer == "OK" and found[0][1].endswith(PART % 1)
    filler.unlink()
    house.send(PART % 2, *three)
    assert line.append("INBOX", None, None, PART % 3)[0] == "OK"
    line.logout()

    def check() -> None:
        for account, numbers in {"alice": (1, 2), "bob": (1, 2, 3), "carol": (1, 2)}.items():
            messages = [m for m in house.messages(account) if b"Welcome" not in m]
            assert sorted(m[m.index(b"From:") :] for m in messages) == [PART % n for n in numbers]

    check()
    house.stop()
    house.start()
    check()
    house.stop()
