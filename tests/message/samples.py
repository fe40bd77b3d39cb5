# SPDX-License-Identifier: MIT
"""Messages of odd shapes, with LF line ends."""

PLAIN = b"From: a@x.org\nSubject: hi\n\nbody\n"

NESTED = b"""From: a@x.org
Date: Sat, 21 Nov 2026 15:59:00 +0000
Content-Type: multipart/mixed; boundary=outer

preamble
--outer
Content-Type: text/plain; charset=utf-8
Content-Language: de, en

Gr\xc3\xbc\xc3\x9fe
--outer
Content-Type: message/rfc822
Content-Description: a forwarded one

From: b@x.org
Subject: inner
Content-Type: multipart/alternative; boundary="in ner "

--in ner
Content-Type: text/plain

one
two
--in ner
Content-Type: text/html; charset=us-ascii
Content-Transfer-Encoding: base64
Content-ID: <html@x.org>

PGI+aGk8L2I+
--in ner--
epilogue
--outer  \t
Content-Disposition: attachment; filename="r\\"1.bin"; size=3
Content-Type: application/pdf

abc
--outer--
epilogue
"""

DIGEST = b"""Content-Type: multipart/digest; boundary=d

--d

From: one@x.org

first
--d
Content-Type: text/plain

not a message
--d--
"""

SAME_BOUNDARY = b"""Content-Type: multipart/mixed; boundary=x

--x
Content-Type: multipart/mixed; boundary=x

--x

inner
--x--
--x--
"""

NO_END = (
    b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\nContent-Type: text/html\n\ntwo"
)

NO_EMPTY_LINE = b"Content-Type: multipart/mixed; boundary=x\n\n--x\nX: y\n--x\n--x--\n"

NO_DELIMITER = b"Content-Type: multipart/mixed; boundary=x\n\nplain text\n"

NO_BOUNDARY = b"Content-Type: multipart/mixed\n\n--\nplain text\n"

PREFIX = b"""Content-Type: multipart/mixed; boundary=x

--x
Content-Type: multipart/mixed; boundary=x--

--x--

a
--x----
--x--
"""

HEADER_CUT_FROM_OUTSIDE = b"""Content-Type: multipart/mixed; boundary=x

--x
Content-Type: multipart/mixed; boundary=y

--y
A: b
--x--
"""

EXTENDED_BOUNDARY = b"""Content-Type: multipart/mixed; boundary*=us-ascii''a%20b

--a b

one
--a b

two
--a b--
"""

ALL = (
    HEADER_CUT_FROM_OUTSIDE,
    EXTENDED_BOUNDARY,
    PLAIN,
    NESTED,
    DIGEST,
    SAME_BOUNDARY,
    NO_END,
    NO_EMPTY_LINE,
    NO_DELIMITER,
    NO_BOUNDARY,
    PREFIX,
)
