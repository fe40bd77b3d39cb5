# SPDX-License-Identifier: MIT
"""Names of mailboxes and of files."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.errors import BadMailboxName
from homemail.model.mailbox import INBOX, MailboxName
from homemail.store import layout, maildir_name, utf7


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("INBOX", "INBOX"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
        ("A&B", "A&-B"),
        ("&&", "&-&-"),
        ("\U0001f4e7", "&2D3c5w-"),
    ],
)
def test_modified_utf7(text: str, encoded: str) -> None:
    assert utf7.encode(text) == encoded
    assert utf7.decode(encoded) == text


@pytest.mark.parametrize("text", ["&", "a&b", "&APw", "&!-", "&2D0-", "ü", "&AP-", "a\x7f"])
def test_what_is_not_modified_utf7(text: str) -> None:
    with pytest.raises(ValueError):
        utf7.decode(text)


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(blacklist_categories=("Cs",))))
def test_modified_utf7_comes_back(text: str) -> None:
    encoded = utf7.encode(text, also="./")
    assert encoded.isascii() and "." not in encoded and "/" not in encoded
    assert utf7.decode(encoded) == text


@pytest.mark.parametrize(
    ("parts", "directory"),
    [
        (("INBOX",), ""),
        (("Work",), ".Work"),
        (("INBOX", "Sub"), ".INBOX.Sub"),
        (("Büro", "a.b/c"), ".B&APw-ro.a&AC4-b&AC8-c"),
        (("a.",), ".a&AC4-"),
    ],
)
def test_directories(parts: tuple[str, ...], directory: str) -> None:
    assert layout.directory_name(MailboxName(parts)) == directory
    if directory:
        assert layout.mailbox_name(directory) == MailboxName(parts)


@pytest.mark.parametrize(
    "directory",
    ["", ".", "..", "...", "Work", ".INBOX", ".inbox", ".inbox.Sub", ".a..b", ".a.", ".a&b",
     ".B\xfcro", ".&AGE-", ".a\nb"],
)  # fmt: skip
def test_directories_that_are_no_mailbox(directory: str) -> None:
    assert layout.mailbox_name(directory) is None


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4))
def test_a_directory_leads_back_to_its_mailbox(parts: list[str]) -> None:
    name = MailboxName(tuple(parts))
    try:
        directory = layout.directory_name(name)
    except BadMailboxName:
        return
    assert "/" not in directory and len(directory) <= 255
    assert (layout.mailbox_name(directory) or INBOX) == name


def test_names_of_our_files() -> None:
    base = maildir_name.compose("1700000000.M5P7Q9.host", 12, 14, layout_id(), 42)
    assert base == "1700000000.M5P7Q9.host,S=12,W=14,I=mab12.42"
    ours = maildir_name.parse(base)
    assert ours is not None
    assert (ours.saved, ours.size, ours.wire_size, ours.mailbox_id, ours.uid) == (
        1700000000, 12, 14, "mab12", 42,
    )  # fmt: skip


def layout_id() -> maildir_name.MailboxId:
    return maildir_name.MailboxId("mab12")


@pytest.mark.parametrize(
    "base",
    [
        "",
        "1700000000.M5P7Q9.host",
        "1700000000.M5P7Q9.host,S=12,W=14",
        "1700000000.M5P7Q9.host,S=12,W=14,I=mab12.0",
        "1700000000.M5P7Q9.host,S=12,W=14,I=mab12.4294967295",
        "1700000000.M5P7Q9.host,S=12,W=14,I=mab12.-1",
        "1700000000.M5P7Q9.host,S=12,W=14,I=../x.1",
        "1700000000.M5P7Q9.host,S=12,W=14,I=mab12.1,X=1",
        "x1700000000.M5P7Q9.host,S=12,W=14,I=mab12.1",
    ],
)
def test_names_of_other_files(base: str) -> None:
    assert maildir_name.parse(base) is None


@pytest.mark.parametrize(
    ("path", "base", "letters"),
    [
        ("new/1.a", "1.a", ""),
        ("new/1.a:2,S", "1.a", "S"),
        ("cur/1.a", "1.a", ""),
        ("cur/1.a:2,", "1.a", ""),
        ("cur/1.a,S=3:2,FSa", "1.a,S=3", "FSa"),
        ("cur/1.a:1,x", "1.a", ""),
    ],
)
def test_parts_of_a_name(path: str, base: str, letters: str) -> None:
    assert (maildir_name.base_of(path), maildir_name.letters_in(path)) == (base, letters)


@pytest.mark.parametrize("host", ["a/b", "a:b", "a,b", ""])
def test_hosts_fit_into_names(host: str) -> None:
    unique = f"1.M1P1Q1.{maildir_name.host_part(host)}"
    assert maildir_name.parse(maildir_name.compose(unique, 1, 1, layout_id(), 1))
