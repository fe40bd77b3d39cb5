# SPDX-License-Identifier: MIT
"""The fields that final delivery puts in front of a message, and the check that reads them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from homemail.message.header import field_bodies
from homemail.model.address import ReversePath
from homemail.model.delivery import Delivery
from homemail.model.message import MemoryContent, MessageContent, PrefixedContent

_LOOKED_AT = 1 << 16  # the fields stand at the top


def delivered_to(delivery: Delivery) -> str:
    """Return the value of Delivered-To: the final recipient, in lower case."""
    return str(delivery.recipient.forward_path).lower()


def trace_fields(delivery: Delivery) -> bytes:
    """Return the fields for a message that goes on: Delivered-To, against loops."""
    return f"Delivered-To: {delivered_to(delivery)}\r\n".encode()


def final_fields(delivery: Delivery) -> bytes:
    """Return Return-Path, X-Original-To (where it differs) and Delivered-To.

    Source: RFC 5321 §4.4.
    """
    lines = [f"Return-Path: {_in_brackets(delivery.envelope.reverse_path)}"]
    original = original_to(delivery)
    if original.lower() != delivered_to(delivery):
        lines.append(f"X-Original-To: {original}")
    lines.append(f"Delivered-To: {delivered_to(delivery)}")
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def with_final_fields(delivery: Delivery, content: MessageContent) -> MessageContent:
    """Return the message as it is filed: ``final_fields`` in front, nothing else touched."""
    prefix = final_fields(delivery)
    if isinstance(content, MemoryContent):  # it is small: one copy, then plain reads
        return MemoryContent(prefix + content.octets)
    return PrefixedContent(prefix, content)


def original_to(delivery: Delivery) -> str:
    """Return the recipient before the house's tables changed it, where that is known."""
    original = delivery.recipient.original
    if original is None or original.address_type.lower() not in ("rfc822", "utf-8"):
        return str(delivery.recipient.forward_path)
    text = original.text
    if not text.isprintable() or len(text) > 512:  # it comes from outside: no line ends
        return str(delivery.recipient.forward_path)
    return text


def _in_brackets(path: ReversePath) -> str:
    return f"<{path}>" if path else "<>"


def has_been_here(delivery: Delivery, content: MessageContent) -> bool:
    """Whether the message already went through this recipient's delivery."""
    with content.open() as reader:
        head = reader.read(_LOOKED_AT)
    if b"delivered-to:" not in head.lower():
        return False
    mine = delivered_to(delivery).encode()
    return any(body.lower() == mine for body in field_bodies(head, b"delivered-to"))


def from_line(reverse_path: ReversePath, now: datetime) -> bytes:
    """Return the line that begins a message in an mbox file, and what programs get first."""
    sender = str(reverse_path).replace(" ", "_") if reverse_path else "MAILER-DAEMON"
    return f"From {sender}  {now.astimezone():%a %b %e %H:%M:%S %Y}\n".encode("utf-8", "replace")


def lf_lines(content: MessageContent) -> Iterator[bytes]:
    """Yield the message in pieces with LF line ends."""
    held = b""
    with content.open() as reader:
        while piece := reader.read(1 << 18):
            piece = held + piece
            held = b"\r" if piece.endswith(b"\r") else b""
            yield piece[: len(piece) - len(held)].replace(b"\r\n", b"\n")
    if held:
        yield held
