# SPDX-License-Identifier: MIT
"""The state file as text, and the small files of an owner."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homemail.errors import Temporary
from homemail.model.mailbox import INBOX, Flag, MailboxName
from homemail.store import state as states
from homemail.store.owner_files import OwnerFiles

WHOLE = b"""homemail-state 1
mailbox-id mab12
uid-validity 1700000000
uid-limit 1001
mod-seq-limit 20001
keyword a $Junk
special-use \\Archive
foreign 17 1700000001 1700000000.x%20y%FF
uidl 3 from-elsewhere
"""


def test_a_state_is_written_as_it_is_read() -> None:
    state = states.decode(WHOLE)
    assert state is not None and not state.damaged
    assert (state.mailbox_id, state.uid_validity) == ("mab12", 1700000000)
    assert (state.uid_limit, state.mod_seq_limit) == (1001, 20001)
    assert state.keywords == {"a": Flag("$Junk")}
    assert state.special_use == {"\\Archive"}
    assert state.foreign == {os.fsdecode(b"1700000000.x y\xff"): states.ForeignFile(17, 1700000001)}
    assert state.encode() == WHOLE


def test_later_lines_count() -> None:
    state = states.decode(WHOLE + b"uid-limit 40\nkeyword a Other\n\n")
    assert state is not None and not state.damaged
    assert (state.uid_limit, state.keywords) == (40, {"a": Flag("Other")})


@pytest.mark.parametrize("cut", range(len(WHOLE)))
def test_a_state_cut_anywhere(cut: int) -> None:
    state = states.decode(WHOLE[:cut])
    whole_lines = WHOLE[:cut].count(b"\n")
    assert (state is not None) == (whole_lines >= 3)
    if state is not None:
        assert state.damaged == (not WHOLE[:cut].endswith(b"\n"))
        assert state.uid_limit == (1001 if whole_lines >= 4 else 0)


@pytest.mark.parametrize(
    "line",
    [b"uid-limit x", b"uid-limit -1", b"uid-limit " + b"9" * 30, b"keyword A x", b"keyword a",
     b"foreign 1 2", b"foreign x 2 y", b"mailbox-id a/b", b"uid-validity"],
)  # fmt: skip
def test_lines_that_are_wrong_are_passed_over(line: bytes) -> None:
    state = states.decode(WHOLE + line + b"\n")
    assert state is not None and state.damaged
    assert state.encode() == WHOLE


@pytest.mark.parametrize("data", [b"", b"\n", b"rubbish", b"homemail-state\n", WHOLE[18:]])
def test_what_is_no_state(data: bytes) -> None:
    assert states.decode(data) is None


def test_lines_that_no_longer_count_are_dropped_in_the_end(tmp_path: Path) -> None:
    lines = b"".join(b"uid-limit %d\n" % n for n in range(1000))
    (tmp_path / states.STATE_FILE).write_bytes(WHOLE + lines)
    state = states.read_state(tmp_path)
    assert state is not None and state.uid_limit == 999
    assert len((tmp_path / states.STATE_FILE).read_bytes()) < 2 * len(WHOLE)
    assert states.read_state(tmp_path) == state


def test_a_later_version_is_not_touched() -> None:
    with pytest.raises(Temporary):
        states.decode(b"homemail-state 2\n")


def test_uid_validity_grows_whatever_the_clock_says(tmp_path: Path) -> None:
    files = OwnerFiles(tmp_path)
    given = [files.next_uid_validity(now) for now in (1000, 1000, 5, 2000)]
    assert given == [1000, 1001, 1002, 2000]
    assert OwnerFiles(tmp_path).next_uid_validity(0) == 2001
    assert (tmp_path / "uidvalidity").read_text() == "homemail-uidvalidity 1\n2001\n"


def test_subscriptions_on_disk(tmp_path: Path) -> None:
    names = {INBOX, MailboxName(("Büro", "a/b"))}
    OwnerFiles(tmp_path).subscribe(names)
    assert OwnerFiles(tmp_path).subscriptions() == names
    assert (tmp_path / "subscriptions").read_text() == (
        "homemail-subscriptions 1\n.B&APw-ro.a&AC8-b\nINBOX\n"
    )


def test_rubbish_in_subscriptions_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "subscriptions").write_bytes(b"homemail-subscriptions 1\n\xff\n.ok\nno\n")
    assert OwnerFiles(tmp_path).subscriptions() == {MailboxName(("ok",))}
    (tmp_path / "subscriptions").write_bytes(b"\xff\xfe")
    assert OwnerFiles(tmp_path).subscriptions() == set()
    (tmp_path / "subscriptions").write_bytes(b"homemail-subscriptions 2\n")
    with pytest.raises(Temporary):
        OwnerFiles(tmp_path).subscriptions()
