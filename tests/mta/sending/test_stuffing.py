# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from homemail.mta.sending.stuffing import DotStuffer

SAMPLES = {
    b"": b".\r\n",
    b".": b"..\r\n.\r\n",
    b".\r\n": b"..\r\n.\r\n",
    b"a\r\n.\r\n": b"a\r\n..\r\n.\r\n",
    b"a\r\n\r\n.b\r\n..c\r\nd.": b"a\r\n\r\n..b\r\n...c\r\nd.\r\n.\r\n",
    b"no end": b"no end\r\n.\r\n",
    b"\r\n.\r\n.": b"\r\n..\r\n..\r\n.\r\n",
    b"cr\r": b"cr\r\r\n.\r\n",
}


def stuffed(pieces):
    stuffer = DotStuffer()
    return b"".join(stuffer.feed(piece) for piece in pieces) + stuffer.end()


@pytest.mark.parametrize("message", SAMPLES)
def test_however_it_is_cut(message):
    expected = SAMPLES[message]
    assert stuffed([message]) == expected
    assert stuffed([message[n : n + 1] for n in range(len(message))]) == expected
    for first in range(len(message) + 1):
        for second in range(first, len(message) + 1):
            cut = [message[:first], message[first:second], message[second:]]
            assert stuffed(cut) == expected
