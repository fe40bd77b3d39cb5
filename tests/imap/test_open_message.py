# SPDX-License-Identifier: MIT
"""Sections and their parts, of small and of large messages."""

from __future__ import annotations

import pytest

from homemail.imap.open_message import IN_MEMORY, OpenMessage
from homemail.message.section import Section, SectionText
from homemail.model.mailbox import Uid
from homemail.model.message import MemoryContent
from tests.imap.conftest import MULTIPART


class Counting(MemoryContent):
    """Counts how often it is opened."""

    __slots__ = ("opened",)

    def open(self):
        self.opened = getattr(self, "opened", 0) + 1
        return super().open()


def attachment(size: int) -> bytes:
    line = b"AAECAw" * 12 + b"\r\n"
    return MULTIPART.replace(b"AAECAw==\r\n", line * (size // len(line)))


@pytest.mark.parametrize("size", [1_000, IN_MEMORY * 4])
def test_parts_put_together_are_the_whole(size):
    octets = attachment(size)
    content = Counting(octets)
    message = OpenMessage(Uid(1), content)
    body = message.section(Section((2,)), None)
    assert body.startswith(b"AAECAw")
    opened = content.opened
    for section, whole in ((Section(), octets), (Section((2,)), body)):
        pieces = []
        while piece := message.section(section, (sum(map(len, pieces)), 10_000)):
            pieces.append(piece)
        assert b"".join(pieces) == whole
    assert content.opened <= opened + 2


def test_parts_in_any_order():
    octets = attachment(IN_MEMORY * 2)
    message = OpenMessage(Uid(1), MemoryContent(octets))
    for first, count in ((300_000, 10), (0, 5), (500_000, 100), (499_000, 2_000), (10**9, 5)):
        assert message.section(Section(), (first, count)) == octets[first : first + count]


def test_sections_that_are_not_there():
    message = OpenMessage(Uid(1), MemoryContent(MULTIPART))
    assert message.section(Section((3,)), None) is None
    assert message.section(Section((1,), SectionText.HEADER), None) is None
    assert message.section(Section((1, 1)), (0, 5)) is None


def test_header_fields_of_a_message_inside():
    inner = b"Subject: inside\r\nFrom: x@y\r\n\r\ntext\r\n"
    outer = b"Content-Type: message/rfc822\r\n\r\n" + inner
    message = OpenMessage(Uid(1), MemoryContent(outer))
    section = Section((1,), SectionText.FIELDS, (b"SUBJECT",))
    assert message.section(section, None) == b"Subject: inside\r\n\r\n"
    assert message.section(section, (9, 6)) == b"inside"
