# SPDX-License-Identifier: MIT
"""Messages of many real shapes, at least 200: ``samples()`` gives (name, octets with CRLF).

From the standard library's own mail tests and SpamAssassin's samples where they are installed (the
gate unpacks them into ``.ci/samples``), the rest made here, the same in every run.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from functools import cache
from importlib import util
from pathlib import Path

ROOT = Path(__file__).parent.parent
CRLF = b"\r\n"
HEAD = b"From: Ann <ann@elsewhere.example>\r\nTo: alice@home.test\r\nSubject: "


def crlf(octets: bytes) -> bytes:
    """Return ``octets`` as SMTP can carry them: CRLF line ends, no bare CR, no NUL."""
    lines = re.sub(rb"\r\n|\r|\n", b"\n", octets.replace(b"\0", b"")).split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join(line + CRLF for line in lines)


@cache
def samples() -> tuple[tuple[str, bytes], ...]:
    """Return every sample but the very large one."""
    found = [*_installed(), *_hand_made(), *_broken(), *_dots(), *_random(110)]
    names = [name for name, _ in found]
    assert len(set(names)) == len(names)
    return tuple((name, crlf(octets)) for name, octets in found)


@cache
def large(octets: int = 25_000_000) -> bytes:
    """Return a message with an attachment of ``octets`` decoded octets."""
    content = random.Random(25).randbytes(octets)
    body = base64.encodebytes(content).replace(b"\n", CRLF)
    return (
        HEAD + b"large\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + body
    )


def _installed() -> Iterator[tuple[str, bytes]]:
    spec = util.find_spec("test")
    places = [Path(where) for where in (spec.submodule_search_locations or [])] if spec else []
    places.append(ROOT / ".ci/samples/usr/lib/python3.11/test")
    for place in places:
        if files := sorted(place.glob("test_email/data/msg_*.txt")):
            yield from ((f"python-{file.stem}", file.read_bytes()) for file in files)
            break
    examples = "usr/share/doc/spamassassin/examples/sample-*spam.txt"
    for file in sorted((ROOT / ".ci/samples").glob(examples)) or sorted(Path("/").glob(examples)):
        yield f"spamassassin-{file.stem}", file.read_bytes()


def _part(body: bytes, *fields: bytes) -> bytes:
    return CRLF.join(fields) + b"\r\n\r\n" + body + CRLF


def _multipart(
    boundary: bytes, *parts: bytes, subtype: bytes = b"mixed", close: bool = True
) -> bytes:
    octets = b"".join(b"--" + boundary + CRLF + part for part in parts)
    end = b"--" + boundary + b"--\r\n" if close else b""
    head = b"Content-Type: multipart/" + subtype + b'; boundary="' + boundary + b'"\r\n\r\n'
    return head + b"preamble\r\n" + octets + end + b"epilogue\r\n"


def _nested(depth: int) -> bytes:
    inner = _part(b"the bottom", b"Content-Type: text/plain")
    for level in range(depth):
        inner = _multipart(b"level-%d" % level, inner, _part(b"beside %d" % level))
    return HEAD + b"nested %d\r\nMIME-Version: 1.0\r\n" % depth + inner


def _hand_made() -> Iterator[tuple[str, bytes]]:
    plain = HEAD + b"plain\r\n"
    yield "empty-body", plain + CRLF
    yield "no-empty-line", plain
    yield "only-an-empty-line", CRLF
    yield "no-header-at-all", b"just text\r\nmore text\r\n"
    yield "body-only", b"\r\nText without any header.\r\n"
    yield (
        "eight-bit-utf8",
        plain + b"Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n",
    )
    yield (
        "eight-bit-latin1",
        plain + b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe\r\n",
    )
    yield (
        "eight-bit-koi8",
        plain + b"Content-Type: text/plain; charset=koi8-r\r\n\r\n\xf0\xd2\xc9\r\n",
    )
    yield "eight-bit-header", HEAD + b"raw \xfc\xdf \xc3\xbc\r\nX-\xfc: y\r\n\r\nbody\r\n"
    every = bytes(octet for octet in range(1, 256) if octet not in b"\r\n")
    yield "every-octet", plain + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + every + CRLF
    for depth in (1, 2, 5, 20, 60, 120):
        yield f"nested-{depth}", _nested(depth)
    for subtype in (
        b"alternative",
        b"related",
        b"digest",
        b"report",
        b"signed",
        b"parallel",
        b"x-new",
    ):
        yield (
            f"multipart-{subtype.decode()}",
            HEAD
            + b"multi\r\nMIME-Version: 1.0\r\n"
            + _multipart(
                b"=_b", _part(b"one"), _part(b"two", b"Content-Type: text/html"), subtype=subtype
            ),
        )
    letter = HEAD + b"inner\r\n\r\ninner body\r\n"
    for depth in (1, 3, 12):
        for _ in range(depth):
            letter = HEAD + b"outer\r\nContent-Type: message/rfc822\r\n\r\n" + letter
        yield f"message-in-message-{depth}", letter
    yield (
        "many-parts",
        HEAD + b"parts\r\n" + _multipart(b"p", *(_part(b"%d" % n) for n in range(500))),
    )
    for length in (76, 78, 990, 996, 997, 998):
        yield f"line-of-{length}", plain + CRLF + b"x" * length + CRLF + b"short\r\n"
        yield f"field-of-{length}", HEAD + b"y" * (length - 9) + b"\r\n\r\nbody\r\n"
    references = b"\r\n ".join(b"<%d@elsewhere.example>" % n for n in range(8_000))
    yield "huge-references", plain + b"References: " + references + b"\r\n\r\nbody\r\n"
    received = b"".join(b"X-Seen: by host%d.example; no 1 Jan\r\n" % n for n in range(3_000))
    yield "many-fields", received + plain + b"\r\nbody\r\n"
    yield (
        "duplicate-fields",
        plain + b"Subject: second\r\nSUBJECT: third\r\nX: 1\r\nX: 2\r\n\r\nbody\r\n",
    )
    yield (
        "folded",
        plain + b"X-Fold: one\r\n\ttwo\r\n   three\r\nX-Empty:\r\nX-Space : y\r\n\r\nbody\r\n",
    )
    yield "blank-lines", plain + CRLF * 2_000 + b"after\r\n" + CRLF * 3
    yield "trailing-space", plain + b"\r\nspace   \r\ntab\t\r\n \r\n\t\r\n"
    yield (
        "from-lines",
        plain + b"\r\nFrom here on\r\n>From there\r\n>>From nowhere\r\nFrom x@y Sat Jan 1\r\n",
    )
    yield (
        "mbox-first-line",
        b"From ann@elsewhere.example Sat Jan  3 01:05:34 2026\r\n" + plain + b"\r\nbody\r\n",
    )
    yield (
        "status-fields",
        plain + b"Status: RO\r\nX-Status: A\r\nX-UID: 7\r\nX-Keywords: a\r\n\r\nbody\r\n",
    )
    yield (
        "own-trace-fields",
        b"Return-Path: <x@y.example>\r\nReceived: from x by y; no date\r\n" + plain + b"\r\nb\r\n",
    )
    blob = base64.encodebytes(bytes(range(1, 256)) * 400).replace(b"\n", CRLF)
    yield "base64", plain + b"Content-Transfer-Encoding: base64\r\n\r\n" + blob
    yield (
        "quoted-printable",
        plain
        + b"Content-Transfer-Encoding: quoted-printable\r\n\r\na=3D=\r\nb =20\r\n=E4\r\n=\r\n",
    )
    yield "uuencode", plain + b"\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n"
    yield (
        "encoded-words",
        HEAD + b"=?utf-8?q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?B?/N8=?=\r\n\r\nbody\r\n",
    )
    yield (
        "broken-encoded-words",
        HEAD + b"=?utf-8?q?Gr=ZZ?= =?nowhere?x?y?= =?utf-8?b?!!!?=\r\n\r\nbody\r\n",
    )
    yield (
        "rfc2231-names",
        plain
        + (
            b"Content-Type: application/pdf; name*0*=utf-8''a%20; name*1=b.pdf\r\n"
            b"Content-Disposition: attachment; filename*=utf-8'de'%C3%BC.pdf\r\n\r\nx\r\n"
        ),
    )
    yield (
        "groups",
        plain + b"Cc: A Group:Ed <ed@a.example>,joe@b.example;,Undisclosed:;\r\n\r\nbody\r\n",
    )
    yield (
        "obsolete-addresses",
        plain + b'Cc: <@a.example,@b.example:joe@c.example>, "Q. \\"X\\"" <"a b"@c>\r\n\r\nb\r\n',
    )
    yield "controls", plain + b"\r\nbell \x07 back \x08 vt \x0b ff \x0c esc \x1b del \x7f\r\n"
    yield "unicode-separators", plain + "\r\nnel \u0085 ls \u2028 ps \u2029 bom \ufeff\r\n".encode()


def _broken() -> Iterator[tuple[str, bytes]]:
    plain = HEAD + b"broken\r\nMIME-Version: 1.0\r\n"
    inner = _part(b"one", b"Content-Type: text/plain")
    yield "no-close", plain + _multipart(b"b", inner, close=False)
    yield (
        "no-boundary",
        plain + b"Content-Type: multipart/mixed\r\n\r\n--b\r\n" + inner + b"--b--\r\n",
    )
    yield (
        "boundary-never-comes",
        plain + b"Content-Type: multipart/mixed; boundary=zz\r\n\r\n--b\r\n" + inner,
    )
    yield (
        "boundary-of-spaces",
        plain + b'Content-Type: multipart/mixed; boundary="a b "\r\n\r\n--a b \r\n' + inner,
    )
    yield "boundary-long", plain + _multipart(b"x" * 300, inner)
    yield "same-boundary-inside", plain + _multipart(b"b", _multipart(b"b", inner), inner)
    yield "prefix-boundaries", plain + _multipart(b"b", _multipart(b"bb", inner), inner)
    yield "no-parts", plain + _multipart(b"b")
    yield "empty-parts", plain + _multipart(b"b", b"", CRLF, b"", b"X: y\r\n")
    yield "no-colon", HEAD + b"x\r\nthis is no field\r\nX-After: y\r\n\r\nbody\r\n"
    yield "colon-first", HEAD + b"x\r\n: nothing\r\n:\r\n\r\nbody\r\n"
    yield "continuation-first", b" folded first\r\n" + HEAD + b"x\r\n\r\nbody\r\n"
    yield "no-type", HEAD + b"x\r\nContent-Type:\r\n\r\nbody\r\n"
    yield (
        "bad-type",
        HEAD + b"x\r\nContent-Type: text\r\nContent-Transfer-Encoding: \x01\r\n\r\nbody\r\n",
    )
    yield (
        "bad-parameters",
        HEAD + b'x\r\nContent-Type: text/plain; ; =; a; b="c; d=(\r\n\r\nbody\r\n',
    )
    yield "bad-date", HEAD + b"x\r\nDate: yesterday\r\nMessage-ID: none\r\n\r\nbody\r\n"
    yield (
        "open-quotes",
        b'From: "never closed <a@b.example>\r\nTo: (comment ((( deep\r\n\r\nbody\r\n',
    )
    yield "quotes-and-backslashes", HEAD + b'a "b" \\c\\ \\\\ {3}\r\n\r\nbody {5}\r\n'
    yield (
        "many-addresses",
        HEAD
        + b"x\r\nCc: "
        + b",\r\n ".join(b"u%d@x.example" % n for n in range(5_000))
        + b"\r\n\r\nb\r\n",
    )
    yield "many-parentheses", HEAD + b"x\r\nCc: " + b"(" * 900 + b"\r\n\r\nb\r\n"


def _dots() -> Iterator[tuple[str, bytes]]:
    plain = HEAD + b"dots\r\n\r\n"
    yield "dot-lines", plain + b".\r\n..\r\n...\r\n.hidden\r\n..hidden\r\n. \r\n"
    yield "dot-first", b".\r\n" + plain
    yield "dot-last", plain + b"text\r\n."
    yield "dots-only", plain + b".\r\n" * 500
    for border in (1 << 12, 1 << 13, 1 << 16, 1 << 18):
        for shift in range(-3, 3):
            fill = border - len(plain) + shift
            body = (b"z" * 70 + CRLF) * (fill // 72 + 1)
            body = body[: fill - 2] + CRLF if fill >= 2 else CRLF
            yield (
                f"dot-at-{border}{shift:+d}",
                plain + re.sub(rb"\r(?!\n)", b"z", body) + b".\r\n..x\r\n",
            )


_WORDS = (
    'lorem ipsum dolor grüße пример 例え 🙂 From .dot =3D -- <b> "quoted" back\\slash {9}'.split()
)


def _random(count: int) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        chance = random.Random(number)
        yield f"random-{number}", _compose(chance, 0).as_bytes(policy=SMTP_POLICY)


def _compose(chance: random.Random, depth: int) -> EmailMessage:
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = f'"{_text(chance, 2)}" <ann@elsewhere.example>'.replace("\\", "").replace(
        '""', '"'
    )
    message["To"] = "alice@home.test"
    message["Subject"] = _text(chance, chance.randint(0, 30))
    message["Message-ID"] = f"<{chance.getrandbits(64):x}@elsewhere.example>"
    lines = "\n".join(_text(chance, chance.randint(0, 12)) for _ in range(chance.randint(0, 60)))
    message.set_content(lines + "\n", cte=chance.choice(["quoted-printable", "base64", "8bit"]))
    if chance.random() < 0.5:
        message.add_alternative(f"<p>{lines}</p>\n", subtype="html")
    for _ in range(chance.choice([0, 0, 1, 3])):
        message.add_attachment(
            chance.randbytes(chance.randint(0, 5_000)),
            maintype="application",
            subtype="octet-stream",
            filename=_text(chance, 1) + ".bin",
        )
    if depth < 3 and chance.random() < 0.3:
        message.add_attachment(_compose(chance, depth + 1))
    return message


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(_WORDS) for _ in range(words))
