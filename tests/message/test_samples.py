# SPDX-License-Identifier: MIT
"""Messages of real shapes, with the standard library as the witness where it finds them whole."""

from __future__ import annotations

import email
import email.message

import pytest

from homemail.message.mime import scan
from homemail.message.structure import body_structure
from homemail.message.text import message_text
from tests.message.test_mime import check, shape
from tests.samples import samples

READ_DIFFERENTLY = {"python-msg_37", "empty-parts", "nested-120"}
"""Two delimiters in a row hold an empty part for us; deeper than 100 is one opaque part."""


def oracle_shape(message: email.message.Message) -> object:
    kind = message.get_content_type()
    is_container = kind.startswith("multipart/") or kind == "message/rfc822"
    if not message.is_multipart() or not is_container:
        return kind
    return [kind, *map(oracle_shape, message.get_payload())]


@pytest.mark.slow
def test_samples() -> None:
    witnessed = 0
    for name, octets in samples():
        root = check(octets)
        assert isinstance(message_text(octets, root), str)
        with_lf = octets.replace(b"\r\n", b"\n")
        assert body_structure(scan(with_lf)) == body_structure(root), name
        witness = email.message_from_bytes(octets)
        is_whole = not any(part.defects for part in witness.walk())
        if is_whole and name not in READ_DIFFERENTLY:
            witnessed += 1
            assert shape(root) == oracle_shape(witness), name
    assert witnessed > 100
