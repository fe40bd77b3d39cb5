# SPDX-License-Identifier: MIT
"""The trace field that every message gets on its way in (RFC 5321 §4.4).

::

    Received: from HELO ([192.0.2.1])
     (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)
     by mail.home.test (homemail) with ESMTPS id TRACE
     for <alice@home.test>; Sat, 21 Nov 2026 16:36:27 +0000

``for`` stands there for a lone recipient only: the others must not learn of each other.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import format_datetime

from homemail.model.address import Address
from homemail.model.envelope import TraceId
from homemail.model.session import Peer, TlsFacts

_UNSAFE = re.compile(r"[^!-'*-\[\]-~]")
_HELO_LIMIT = 255


def format_received(
    *,
    helo: str,
    peer: Peer,
    tls: TlsFacts | None,
    by: str,
    protocol: str,
    trace: TraceId,
    only_recipient: Address | None,
    at: datetime,
) -> bytes:
    """Return the field with its CRLF. ``protocol`` is the word behind "with"."""
    lines = [f"Received: from {_word(helo)} ({_literal(peer)})"]
    if tls is not None:
        lines.append(f" (using {_word(tls.version)} with cipher {_word(tls.cipher)})")
    lines.append(f" by {by} (homemail) with {protocol} id {trace}")
    date = format_datetime(at)
    if only_recipient is None:
        lines[-1] += f"; {date}"
    else:
        lines.append(f" for <{only_recipient}>; {date}")
    return "\r\n".join(lines).encode() + b"\r\n"


def transmission_type(
    *, lmtp: bool, extended: bool, tls: bool, authenticated: bool, utf8: bool
) -> str:
    """Return the word behind "with".

    Source: RFC 3848 §1, RFC 6531 §4.3.
    """
    suffix = "S" * tls + "A" * authenticated
    if utf8:
        return ("UTF8LMTP" if lmtp else "UTF8SMTP") + suffix
    if lmtp:
        return "LMTP" + suffix
    return "ESMTP" + suffix if extended or suffix else "SMTP"


def _word(text: str) -> str:
    """Return what a client said as one word that can neither end a comment nor a line."""
    return _UNSAFE.sub("?", text[:_HELO_LIMIT]) or "?"


def _literal(peer: Peer) -> str:
    host = peer.host.partition("%")[0]
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"
