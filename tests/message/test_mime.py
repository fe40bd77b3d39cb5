# SPDX-License-Identifier: MIT
"""The MIME tree: shapes, ranges, limits."""

from __future__ import annotations

import email
import email.message
import mmap
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.message.envelope import envelope
from homemail.message.mime import MAX_DEPTH, MAX_PARTS, Part, scan
from homemail.message.structure import body, body_structure
from tests.message import imap_grammar, samples


def shape(part: Part) -> object:
    name = f"{part.type.decode()}/{part.subtype.decode()}"
    return [name, *map(shape, part.children)] if part.children else name


def check(octets: bytes) -> Part:
    """Scan, and check what must hold of every message."""
    root = scan(octets)
    _check_ranges(root, 0, len(octets))
    imap_grammar.check_body(imap_grammar.read(body_structure(root)), extended=True)
    imap_grammar.check_body(imap_grammar.read(body(root)), extended=False)
    imap_grammar.check_envelope(imap_grammar.read(envelope(octets[: root.header.end])))
    return root


def _check_ranges(part: Part, start: int, end: int) -> None:
    assert start <= part.header.start <= part.header.end == part.body.start <= part.body.end <= end
    assert part.lines >= 0
    assert part.size >= part.body.end - part.body.start
    at = part.body.start
    for child in part.children:
        assert child.header.start >= at
        _check_ranges(child, at, part.body.end)
        at = child.body.end


def crlf(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("text", samples.ALL)
def test_same_tree_with_either_line_end(text: bytes) -> None:
    with_lf, with_crlf = check(text), check(crlf(text))
    assert body_structure(with_lf) == body_structure(with_crlf)
    assert with_crlf.size == with_crlf.body.end - with_crlf.body.start


@pytest.mark.slow
@pytest.mark.parametrize("text", samples.ALL)
def test_every_cut(text: bytes) -> None:
    for octets in (text, crlf(text)):
        for end in range(len(octets)):
            check(octets[:end])


def test_nested() -> None:
    octets = crlf(samples.NESTED)
    root = check(octets)
    inner = ["multipart/alternative", "text/plain", "text/html"]
    message = ["message/rfc822", inner]
    assert shape(root) == ["multipart/mixed", "text/plain", message, "application/pdf"]
    text, forwarded, pdf = root.children
    assert octets[slice(*text.body)] == "Grüße".encode()
    assert text.language == (b"de", b"en")
    assert octets[slice(*pdf.body)] == b"abc"
    assert pdf.disposition is not None
    assert pdf.disposition.parameters == ((b"filename", b'r"1.bin'), (b"size", b"3"))
    html = forwarded.children[0].children[1]
    assert (html.encoding, html.id) == (b"base64", b"<html@x.org>")
    assert octets[slice(*forwarded.body)].endswith(b"--in ner--\r\nepilogue")
    assert forwarded.lines == 16


def test_body_structure_wire_form() -> None:
    assert body_structure(scan(crlf(samples.NESTED))) == (
        b'(("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 7 0 NIL NIL ("de" "en") NIL)'
        b'("message" "rfc822" NIL NIL "a forwarded one" "7bit" 288 '
        b'(NIL "inner" ((NIL NIL "b" "x.org")) ((NIL NIL "b" "x.org")) ((NIL NIL "b" "x.org"))'
        b" NIL NIL NIL NIL NIL) "
        b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 8 1 NIL NIL NIL NIL)'
        b'("text" "html" ("charset" "us-ascii") "<html@x.org>" NIL "base64" 12 0 NIL NIL NIL NIL)'
        b' "alternative" ("boundary" "in ner ") NIL NIL NIL) 16 NIL NIL NIL NIL)'
        b'("application" "pdf" NIL NIL NIL "7bit" 3 NIL '
        b'("attachment" ("filename" "r\\"1.bin" "size" "3")) NIL NIL)'
        b' "mixed" ("boundary" "outer") NIL NIL NIL)'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (samples.DIGEST, ["multipart/digest", ["message/rfc822", "text/plain"], "text/plain"]),
        (samples.SAME_BOUNDARY, ["multipart/mixed", ["multipart/mixed", "text/plain"]]),
        (samples.NO_END, ["multipart/mixed", "text/plain", "text/html"]),
        (samples.NO_EMPTY_LINE, ["multipart/mixed", "text/plain", "text/plain"]),
        (samples.NO_DELIMITER, ["multipart/mixed", "text/plain"]),
        (samples.NO_BOUNDARY, ["multipart/mixed", "text/plain"]),
        (samples.HEADER_CUT_FROM_OUTSIDE, ["multipart/mixed", ["multipart/mixed", "text/plain"]]),
        (samples.EXTENDED_BOUNDARY, ["multipart/mixed", "text/plain", "text/plain"]),
        (samples.PREFIX, ["multipart/mixed", ["multipart/mixed", "text/plain"]]),
        (b"Content-Type: nonsense\n\nx", "text/plain"),
        (b"", "text/plain"),
        (b"\n", "text/plain"),
        (b"no header at all", "text/plain"),
        (b"Content-Type: message/rfc822\n\n", ["message/rfc822", "text/plain"]),
        (b"Content-Type: image/PNG (why (not)) ; name=x\n\nx", "image/png"),
        (b"Content-Type: image / png name=x\n\nx", "image/png"),
    ],
)
def test_shapes(text: bytes, expected: object) -> None:
    assert shape(check(text)) == expected
    assert shape(check(crlf(text))) == expected


def test_missing_delimiters_leave_the_text_readable() -> None:
    root = scan(samples.NO_DELIMITER)
    assert samples.NO_DELIMITER[slice(*root.children[0].body)] == b"plain text\n"


def test_depth_is_limited() -> None:
    levels = 3 * MAX_DEPTH
    text = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(levels)
    )
    root: Part = check(text + b"\ndeep\n")
    depth = 0
    while root.children:
        depth, root = depth + 1, root.children[0]
    assert depth <= MAX_DEPTH + 1
    assert shape(root) == "application/octet-stream"
    check(b"Content-Type: message/rfc822\n\n" * levels)


@pytest.mark.slow
def test_number_of_parts_is_limited() -> None:
    text = b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\nx\n" * (MAX_PARTS + 500)
    root = check(text)
    assert len(root.children) <= MAX_PARTS
    assert shape(root.children[-1]) == "application/octet-stream"
    assert root.children[-1].body.end == len(text)


def test_a_map_is_scanned_like_octets(tmp_path) -> None:
    text = samples.NESTED.replace(b"abc\n", b"abc\r\n" * 500_000 + b"\n" * 100)
    file = tmp_path / "large"
    file.write_bytes(text)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert scan(mapped) == scan(text)
    assert scan(memoryview(samples.NESTED)) == scan(samples.NESTED)


HOSTILE = (
    b"--x\n",
    b"--\n",
    b"--x--\n",
    b"\n--",
    b"a",
    b"(",
    b" ",
    b"\t\n ",
    b"From: <",
    b"To: a:;,\n",
    b"Content-Type: multipart/mixed; boundary=x\n\n--x\n",
    b'"\\',
    b"=?",
    b"\r",
)


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_repetitions_take_linear_time(piece: bytes) -> None:
    start = b"Content-Type: multipart/mixed; boundary=x\nFrom: "
    for head in (start, start + b"x\n\n--x\n\n"):
        check(head + piece * (1_000_000 // len(piece)))


WORDS = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=x\n",
        b"Content-Type: multipart/digest; boundary=y\n",
        b"Content-Type: message/rfc822\n",
        b"Content-Disposition: attachment; filename*0*=utf-8''%e2; filename*1=x\n",
        b"Content-Language: a, b\n",
        b"From: A <a@x>, g: b@y;\n",
        b"\n",
        b"\r\n",
        b"--x\n",
        b"--x--\n",
        b"--y\r\n",
        b"--y--",
        b"text\n",
        b" folded\n",
        b"\0\xff",
    ]
)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(WORDS, st.binary(max_size=8)), max_size=30))
def test_never_raises(pieces: list[bytes]) -> None:
    check(b"".join(pieces))


def _leaf() -> st.SearchStrategy[email.message.Message]:
    texts = st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=20)
    return st.one_of(
        texts.map(lambda text: MIMEText(text + "\n")),
        st.binary(max_size=30).map(_attachment),
    )


def _attachment(octets: bytes) -> MIMEBase:
    part = MIMEBase("application", "octet-stream")
    part.set_payload(octets.hex())
    return part


def _tree(children: st.SearchStrategy) -> st.SearchStrategy[email.message.Message]:
    return st.one_of(
        st.lists(children, min_size=1, max_size=4).map(
            lambda parts: MIMEMultipart("mixed", _subparts=parts)
        ),
        children.map(MIMEMessage),
    )


def oracle_shape(message: email.message.Message) -> object:
    if not message.is_multipart():
        return message.get_content_type()
    return [message.get_content_type(), *map(oracle_shape, message.get_payload())]


@settings(deadline=None, max_examples=60)
@given(st.recursive(_leaf(), _tree, max_leaves=8))
def test_same_shape_as_the_standard_library(message: email.message.Message) -> None:
    octets = message.as_bytes()
    parsed = email.message_from_bytes(octets)
    assert shape(check(octets)) == oracle_shape(parsed)
