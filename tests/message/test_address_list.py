# SPDX-License-Identifier: MIT
"""Address lists, right and wrong."""

from __future__ import annotations

from email.utils import formataddr, getaddresses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.message.address_list import GROUP_END, ListedAddress, parse_addresses

Entry = tuple[bytes | None, bytes | None, bytes | None, bytes | None]


def group(name: bytes) -> Entry:
    return (None, None, name, None)


END: Entry = tuple(GROUP_END)  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", []),
        (b" , ,", []),
        (b"a@x.org", [(None, None, b"a", b"x.org")]),
        (b"<a@x.org>", [(None, None, b"a", b"x.org")]),
        (b"A B <a@x.org>,C<c@y>", [(b"A B", None, b"a", b"x.org"), (b"C", None, b"c", b"y")]),
        (b'"B, A" <a@x.org>', [(b"B, A", None, b"a", b"x.org")]),
        (b'"say \\"hi\\"" <a@x.org>', [(b'say "hi"', None, b"a", b"x.org")]),
        (b"John Q. Public <j.q@x.org>", [(b"John Q. Public", None, b"j.q", b"x.org")]),
        (b'"a b"@x.org', [(None, None, b"a b", b"x.org")]),
        (b"a@[192.0.2.1]", [(None, None, b"a", b"[192.0.2.1]")]),
        (b"a . b @ x . org", [(None, None, b"a.b", b"x.org")]),
        (b"a@x.org (Real (nested) Name)", [(b"Real (nested) Name", None, b"a", b"x.org")]),
        (b"N (c) <a@x.org>", [(b"N", None, b"a", b"x.org")]),
        (b"<@r.org,@s.org:a@x.org>", [(None, b"@r.org,@s.org", b"a", b"x.org")]),
        (b"=?utf-8?q?J=C3=B6rg?= <j@x.org>", [(b"=?utf-8?q?J=C3=B6rg?=", None, b"j", b"x.org")]),
        ("Jörg <ö@ü.org>".encode(), [("Jörg".encode(), None, "ö".encode(), "ü.org".encode())]),
        (b"undisclosed-recipients:;", [group(b"undisclosed-recipients"), END]),
        (
            b"My List: a@x.org, B <b@x.org>; c@x.org",
            [
                group(b"My List"),
                (None, None, b"a", b"x.org"),
                (b"B", None, b"b", b"x.org"),
                END,
                (None, None, b"c", b"x.org"),
            ],
        ),
        (b"g: a@x.org", [group(b"g"), (None, None, b"a", b"x.org"), END]),
        # broken ones
        (b"alice", [(None, None, b"alice", b"")]),
        (b"Alice <alice>", [(b"Alice", None, b"alice", b"")]),
        (b"Alice <>", [(b"Alice", None, b"", b"")]),
        (b"Alice <a@x.org", [(b"Alice", None, b"a", b"x.org")]),
        (b"A <a@x.org, b@x.org", [(b"A", None, b"a", b"x.org"), (None, None, b"b", b"x.org")]),
        (b"Alice a@x.org", [(b"Alice", None, b"a", b"x.org")]),
        (b"a@x.org; b@x.org", [(None, None, b"a", b"x.org"), (None, None, b"b", b"x.org")]),
        (b"a@b@x.org", [(None, None, b"a@b", b"x.org")]),
        (b'"open <a@x.org>', [(None, None, b"open <a@x.org>", b"")]),
        (b"(open a@x.org", []),
        (b"a@x.org> , <<b@x.org>>", [(None, None, b"a", b"x.org"), (None, None, b"b", b"x.org")]),
    ],
)  # fmt: skip
def test_lists(body: bytes, expected: list[Entry]) -> None:
    assert parse_addresses(body) == expected


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(list('<>()[]:;,@. "\\ab\x00\xff')), max_size=30).map("".join))
def test_never_raises(text: str) -> None:
    for entry in parse_addresses(text.encode("latin-1")):
        assert isinstance(entry, ListedAddress)
        assert entry.host is not None or entry.name is None


NAMES = st.text(
    st.characters(codec="ascii", min_codepoint=32, exclude_characters="\x7f"), max_size=20
)
LOCALS = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,4})?", fullmatch=True)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(NAMES.map(str.strip), LOCALS), min_size=1, max_size=5))
def test_same_as_the_standard_library(pairs: list[tuple[str, str]]) -> None:
    body = ", ".join(formataddr((name, f"{local}@x.org")) for name, local in pairs)
    ours = [
        ((entry.name or b"").decode(), f"{(entry.mailbox or b'').decode()}@x.org")
        for entry in parse_addresses(body.encode())
    ]
    theirs = [(name, address) for name, address in getaddresses([body])]
    if ours != theirs:  # the oracle gives up on odd names: the input is the better witness
        assert ours == [(name, f"{local}@x.org") for name, local in pairs]
