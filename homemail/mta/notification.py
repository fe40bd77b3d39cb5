# SPDX-License-Identifier: MIT
"""Notifications: what a sender is told of a message that failed, waits, or arrived.

multipart/report of three parts: words for a person, the fields for a program, and the message or
its header; of a message that came by SMTPUTF8 in the forms that may hold UTF-8. The reverse-path is
null, and nobody but the postmaster is told of a message whose own one is null.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from homemail.model.address import Address
from homemail.model.envelope import Body, Envelope, Notify, Origin, Recipient, Ret, new_trace
from homemail.model.message import MemoryContent, MessageContent, read_all
from homemail.model.queue import QueuedRecipient, QueueEntry, RecipientStatus

DOUBLE_BOUNCE = "double-bounce"
"""Marks the envelope of what the postmaster gets: nobody is told when that fails."""

_WORD = re.compile(r"\S{1,900}")  # a line may have 998 octets (RFC 5322 §2.1.1)
_HEADER_LIMIT = 128 * 1024  # octets of a returned header; what is longer is cut at a line's end


@dataclass(frozen=True, slots=True)
class Words:
    """How a kind of notification is worded."""

    subject: str
    opening: str
    action: str
    content: str


_APOLOGY = """\
I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

For further assistance, please send mail to <postmaster>.

If you do so, please include this problem report. You can
delete your own text from the attached returned message.
"""
_WARNING = """\
####################################################################
# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #
####################################################################

Your message could not be delivered yet. It will be tried again until
it is {lifetime} old.

For further assistance, please send mail to <postmaster>.
"""
_GOOD_NEWS = """\
Your message was delivered to the destination(s) listed below, or passed
on to a host that does not send such reports. No more will come from here.
"""
WORDS = {
    Notify.FAILURE: Words(
        "Undelivered Mail Returned to Sender", _APOLOGY, "failed", "Undelivered Message"
    ),
    Notify.DELAY: Words(
        "Delayed Mail (still being retried)", _WARNING, "delayed", "Delayed Message"
    ),
    Notify.SUCCESS: Words(
        "Successful Mail Delivery Report", _GOOD_NEWS, "delivered", "Delivered Message"
    ),
}
_DOUBLE_BOUNCE = """\
A message without a sender, such as a notification of this system, could
not be delivered. Nobody can be told of that but you.
"""
_TO_POSTMASTER = Words(
    "Undelivered Mail without a Sender", _DOUBLE_BOUNCE, "failed", "Undelivered Message"
)
_ACTIONS = {RecipientStatus.RELAYED: "relayed", RecipientStatus.EXPANDED: "expanded"}


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports. Times in seconds, sizes in octets."""

    hostname: str
    full_limit: int
    lifetime: float


def build_notification(
    entry: QueueEntry,
    kind: Notify,
    about: Sequence[QueuedRecipient],
    original: MessageContent,
    reporter: Reporter,
    now: datetime,
    postmaster: Address | None = None,
) -> tuple[Envelope, MessageContent]:
    """Return the notification of ``kind`` about these recipients, ready for the queue.

    ``postmaster`` gets it where the entry's reverse-path is null, marked by ``DOUBLE_BOUNCE`` in
    ``extra``, so that there is no third.

    Source: RFC 3461 §6.2, RFC 3464 §2, RFC 6522 §3, RFC 6533 §3, RFC 3834 §5.

    Raises:
        ValueError: the entry's reverse-path is null, and there is no postmaster.
    """
    sender = entry.envelope.reverse_path
    words = WORDS[kind] if sender is not None else _TO_POSTMASTER
    sender = sender or postmaster
    if sender is None:
        raise ValueError("a message with a null reverse-path is never answered")
    trace = new_trace()
    boundary = f"{trace}.{int(now.timestamp())}/{reporter.hostname}"
    returned = _returned(entry, kind, original, reporter)
    body = b"".join(
        (
            b"This is a MIME-encapsulated message.\r\n",
            _part(
                boundary, "Notification", "text/plain; charset=utf-8", _text(words, about, reporter)
            ),
            _part(
                boundary,
                "Delivery error report" if kind is Notify.FAILURE else "Delivery report",
                f"message/{'global-' if entry.envelope.utf8 else ''}delivery-status",
                _status(entry, kind, about, reporter, now),
            ),
            _part(boundary, words.content, *returned),
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )
    header = _header(sender, words.subject, boundary, reporter, now, trace)
    content = header + (b"" if body.isascii() else _EIGHT_BIT) + b"\r\n" + body
    envelope = Envelope(
        reverse_path=None,
        recipients=(Recipient(sender, notify=Notify.NEVER),),
        trace=trace,
        origin=Origin.NOTIFICATION,
        body=Body.SEVEN_BIT if content.isascii() else Body.EIGHT_BIT,
        utf8=not header.isascii(),
        parent=entry.envelope.trace,
        extra={DOUBLE_BOUNCE: "yes"} if words is _TO_POSTMASTER else {},
    )
    return envelope, MemoryContent(content)


_EIGHT_BIT = b"Content-Transfer-Encoding: 8bit\r\n"


def _header(
    sender: Address, subject: str, boundary: str, reporter: Reporter, now: datetime, trace: str
) -> bytes:
    lines = [
        f"Date: {format_datetime(now.astimezone())}",
        f"From: MAILER-DAEMON@{reporter.hostname} (Mail Delivery System)",
        f"Subject: {subject}",
        f"To: {sender}",
        f"Message-ID: <{trace}@{reporter.hostname}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{boundary}"',
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def _part(boundary: str, description: str, content_type: str, octets: bytes) -> bytes:
    head = (
        f"\r\n--{boundary}\r\n"
        f"Content-Description: {description}\r\n"
        f"Content-Type: {content_type}\r\n"
    )
    return head.encode() + (b"" if octets.isascii() else _EIGHT_BIT) + b"\r\n" + octets


def _text(words: Words, about: Sequence[QueuedRecipient], reporter: Reporter) -> bytes:
    opening = words.opening.replace("{lifetime}", _span(reporter.lifetime))
    paragraphs = [f"This is the mail system at host {reporter.hostname}.", opening]
    for queued in about:
        path = queued.recipient.forward_path
        name = f"<{path}>"
        original = queued.recipient.original
        if original is not None and original.text != str(path):
            name += f" (expanded from <{original.text}>)"
        paragraphs.append(_filled(f"{name}: {queued.reason or words.action}"))
    text = "\n\n".join(paragraph.strip("\n") for paragraph in paragraphs)
    return (text + "\n").replace("\n", "\r\n").encode("utf-8", "replace")


def _status(
    entry: QueueEntry,
    kind: Notify,
    about: Sequence[QueuedRecipient],
    reporter: Reporter,
    now: datetime,
) -> bytes:
    fields = [f"Reporting-MTA: dns; {reporter.hostname}"]
    if entry.envelope.envelope_id is not None:
        fields.append(f"Original-Envelope-Id: {_escaped(entry.envelope.envelope_id)}")
    fields.append(f"X-Homemail-Queue-ID: {entry.id}")
    fields.append(f"Arrival-Date: {format_datetime(entry.received_at.astimezone())}")
    groups = [fields, *(_recipient_fields(queued, kind, entry, reporter, now) for queued in about)]
    return "\r\n".join("".join(f"{field}\r\n" for field in group) for group in groups).encode()


def _recipient_fields(
    queued: QueuedRecipient, kind: Notify, entry: QueueEntry, reporter: Reporter, now: datetime
) -> list[str]:
    fields = []
    utf8 = entry.envelope.utf8
    original = queued.recipient.original
    if original is not None:
        shown = _one_line if utf8 and original.address_type.lower() == "utf-8" else _escaped
        fields.append(f"Original-Recipient: {shown(f'{original.address_type}; {original.text}')}")
    fields.append(f"Final-Recipient: {_typed(queued.recipient.forward_path, utf8=utf8)}")
    fields.append(f"Action: {_ACTIONS.get(queued.status, WORDS[kind].action)}")
    reply = queued.last_reply
    fields.append(f"Status: {(reply and reply.status) or _DEFAULT_STATUS[kind]}")
    if queued.relay:
        fields.append(f"Remote-MTA: dns; {queued.relay.partition('[')[0]}")
    if reply is not None:
        diagnostic = f"smtp; {reply}" if queued.relay else f"X-Homemail; {queued.reason}"
        fields.append(f"Diagnostic-Code: {_escaped(diagnostic)}")
    if kind is Notify.DELAY:
        left = max(0.0, reporter.lifetime - entry.age)
        until = datetime.fromtimestamp(now.timestamp() + left, UTC)
        fields.append(f"Will-Retry-Until: {format_datetime(until.astimezone())}")
    return [_folded(field) for field in fields]


_DEFAULT_STATUS = {Notify.FAILURE: "5.0.0", Notify.DELAY: "4.0.0", Notify.SUCCESS: "2.0.0"}


def _returned(
    entry: QueueEntry, kind: Notify, original: MessageContent, reporter: Reporter
) -> tuple[str, bytes]:
    """Return the third part's type and octets: the message, or its header alone."""
    whole = kind is Notify.FAILURE and entry.envelope.ret is not Ret.HDRS
    if whole and original.size <= reporter.full_limit:
        octets = read_all(original)
        is_global = entry.envelope.utf8 and not octets.partition(b"\r\n\r\n")[0].isascii()
        return f"message/{'global' if is_global else 'rfc822'}", octets
    with original.open() as reader:
        start = reader.read(_HEADER_LIMIT)
    header, blank, _ = start.partition(b"\r\n\r\n")
    if not blank:
        header = header.rpartition(b"\r\n")[0]
    is_global = entry.envelope.utf8 and not header.isascii()
    kind_of_part = "message/global-headers" if is_global else "text/rfc822-headers"
    return kind_of_part, header + b"\r\n"


def _typed(address: Address, *, utf8: bool) -> str:
    """Return an address with its type; one beyond ASCII is escaped where UTF-8 may not stand."""
    if address.is_ascii:
        return f"rfc822; {address}"
    return f"utf-8; {_one_line(str(address)) if utf8 else _escaped(str(address))}"


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _escaped(text: str) -> str:
    r"""Return ``text`` in printable ASCII, the rest as ``\x{20AC}``."""
    return re.sub(r"[^ -~]", lambda match: f"\\x{{{ord(match[0]):X}}}", text)


def _filled(text: str) -> str:
    """Return ``text`` in lines of at most about 75 characters, those after the first indented."""
    lines, line = [], ""
    for word in _WORD.findall(text):
        if line and len(line) + len(word) > 74:
            lines.append(line)
            line = "   "
        line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])


def _folded(field: str) -> str:
    return _filled(field).replace("\n", "\r\n")


def _span(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
