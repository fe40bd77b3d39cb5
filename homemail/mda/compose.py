# SPDX-License-Identifier: MIT
"""Messages that delivery writes by itself: answers of ``vacation``, refusals, notes to the owner.

All of them go out with the null reverse-path and say that a machine wrote them (RFC 3834 §5).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP

from homemail.message.dates import format_date
from homemail.message.header import field_bodies, fields, split_message
from homemail.message.words import decode_words
from homemail.model.address import Address
from homemail.model.envelope import TraceId
from homemail.sieve import Notification

_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,250}>")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_MOST_REFERENCES = 20
_LONGEST_SUBJECT = 400
_RETURNED_HEADER = 20_000


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who writes to whom, when, about which message (its header)."""

    owner: Address
    sender: Address
    header: bytes
    now: datetime
    trace: TraceId


def vacation_answer(
    about: Occasion, reason: str, *, subject: str | None, header_from: str | None, mime: bool
) -> bytes:
    """Return the answer with CRLF line ends.

    Source: RFC 5230 §5.
    """
    head = [
        ("Subject", subject if subject is not None else _default_subject(about)),
        ("Auto-Submitted", "auto-replied (vacation)"),
    ]
    entity = _given_entity(reason) if mime else _text_entity(reason)
    return _header(about, head, header_from) + entity


def refusal(about: Occasion, reason: str) -> bytes:
    """Return the notice that a script deleted the message, with CRLF line ends.

    Source: RFC 5429 §2.2.1.
    """
    boundary = f"=_{about.trace}"
    text = (
        "The message was refused by the recipient's mail filtering program.\n"
        f"The reason given was as follows:\n\n{reason}\n"
    )
    ids = _ids(about, b"message-id")
    report = [
        f"Final-Recipient: rfc822; {about.owner}",
        *[f"Original-Message-ID: {ids[0].decode('ascii')}" for _ in ids[:1]],
        "Disposition: automatic-action/MDN-sent-automatically; deleted",
    ]
    parts = [
        _text_entity(text),
        b"Content-Type: message/disposition-notification\r\n\r\n"
        + "".join(f"{line}\r\n" for line in report).encode(),
        b"Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + about.header[:_RETURNED_HEADER].rstrip()
        + b"\r\n",
    ]
    head = [
        ("Subject", "Automatically rejected mail"),
        ("Auto-Submitted", "auto-replied (rejected)"),
    ]
    kind = (
        'Content-Type: multipart/report; report-type="disposition-notification";\r\n'
        f' boundary="{boundary}"\r\n\r\n'
    )
    delimiter = f"\r\n--{boundary}\r\n".encode()
    body = b"".join(delimiter + part for part in parts) + f"\r\n--{boundary}--\r\n".encode()
    return _header(about, head, None) + kind.encode() + body


def notification(about: Occasion, action: Notification) -> bytes:
    """Return the mail that ``notify`` sends, with CRLF line ends.

    Source: RFC 5436 §2.7.
    """
    given = dict(action.fields)
    body = given.pop("body", "")
    subject = action.text or given.pop("subject", "") or _subject(about) or "New mail"
    given.pop("subject", None)
    message = EmailMessage(policy=SMTP)
    message["Auto-Submitted"] = f'auto-notified; owner-email="{about.owner}"'
    message["From"] = _clean(action.header_from or str(about.owner))
    message["To"] = ", ".join(map(str, action.to))
    message["Subject"] = _clean(subject)[:_LONGEST_SUBJECT]
    message["Date"] = format_date(about.now)
    message["Message-ID"] = f"<{about.trace}@{about.owner.domain.name.strip('[]')}>"
    if ids := _ids(about, b"message-id")[:1]:
        message["References"] = ids[0].decode("ascii")
    if action.importance != 2:
        message["Importance"] = "high" if action.importance == 1 else "low"
        message["X-Priority"] = "1" if action.importance == 1 else "5"
    message["MIME-Version"] = "1.0"
    for name, value in given.items():
        if name not in message:
            message[name.title()] = _clean(value)[:_LONGEST_SUBJECT]
    return message.as_bytes().removesuffix(b"\r\n") + _text_entity(body or _excerpt(about))


def _excerpt(about: Occasion) -> str:
    bodies = field_bodies(about.header, b"from")
    sender = decode_words(bodies[0]) if bodies else "somebody"
    return f"From: {_clean(sender)}\nSubject: {_clean(_subject(about))}\n"


def list_answer(about: Occasion, subject: str, text: str) -> bytes:
    """Return what a list's request address answers, with CRLF line ends."""
    head = [("Subject", subject), ("Auto-Submitted", "auto-replied (list request)")]
    return _header(about, head, None) + _text_entity(text)


def owner_note(owner: Address, subject: str, text: str, now: datetime, trace: TraceId) -> bytes:
    """Return a message about the owner's own files, with CRLF line ends."""
    domain = owner.domain.name
    head = (
        f"Return-Path: <>\r\nFrom: homemail <MAILER-DAEMON@{domain}>\r\nTo: {owner}\r\n"
        f"Subject: {_clean(subject)}\r\nDate: {format_date(now)}\r\n"
        f"Message-ID: <{trace}@{domain.strip('[]')}>\r\n"
        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
    )
    return head.encode("utf-8", "replace") + _text_entity(text)


def _header(about: Occasion, more: list[tuple[str, str]], header_from: str | None) -> bytes:
    """Return the fields without the empty line."""
    message = EmailMessage(policy=SMTP)
    message["From"] = _clean(header_from) if header_from else str(about.owner)
    message["To"] = str(about.sender)
    message["Date"] = format_date(about.now)
    message["Message-ID"] = f"<{about.trace}@{about.owner.domain.name.strip('[]')}>"
    if ids := _ids(about, b"message-id")[:1]:
        message["In-Reply-To"] = ids[0].decode("ascii")
        earlier = _ids(about, b"references") or _ids(about, b"in-reply-to")
        thread = [*earlier[-_MOST_REFERENCES:], ids[0]]
        message["References"] = " ".join(known.decode("ascii") for known in thread)
    for name, value in more:
        message[name] = _clean(value)
    message["MIME-Version"] = "1.0"
    return message.as_bytes().removesuffix(b"\r\n")


def _clean(text: str) -> str:
    return _CONTROLS.sub(" ", text).strip()


def _ids(about: Occasion, name: bytes) -> list[bytes]:
    bodies = field_bodies(about.header, name)
    return _MESSAGE_ID.findall(bodies[0]) if bodies else []


def _subject(about: Occasion) -> str:
    bodies = field_bodies(about.header, b"subject")
    return decode_words(bodies[0])[:_LONGEST_SUBJECT].strip() if bodies else ""


def _default_subject(about: Occasion) -> str:
    subject = _subject(about)
    return f"Auto: {subject}" if subject else "Automated reply"


def _text_entity(text: str) -> bytes:
    lines = text.encode("utf-8", "replace").replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    body = b"\r\n".join(lines) + b"\r\n"
    if body.isascii() and all(len(line) <= 900 for line in lines):
        return b"Content-Type: text/plain; charset=us-ascii\r\n\r\n" + body
    encoded = base64.encodebytes(body).replace(b"\n", b"\r\n")
    return (
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded
    )


def _given_entity(reason: str) -> bytes:
    """Return a MIME entity from a script; of its header only what describes the content."""
    octets = reason.encode("utf-8", "replace").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    body = split_message(octets)
    kept = [
        octets[field.start : field.end]
        for field in fields(octets[:body])
        if field.name.startswith(b"content-")
    ]
    return b"".join(kept) + b"\r\n" + octets[body:]
