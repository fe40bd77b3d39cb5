# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Iterator

import pytest

from homemail.config.tls import TlsSettings
from homemail.roles.tls import load_contexts, make_self_signed
from tests.loop import LoopThread
from tests.pop3.house import Pop3House


@pytest.fixture(scope="session")
def tls_context(tmp_path_factory):
    certificate, key = make_self_signed(tmp_path_factory.mktemp("tls"), ("home.test",))
    settings = TlsSettings(tls_certificate_file=certificate, tls_key_file=key)
    return load_contexts(settings).twisted("pop3")


@pytest.fixture
def house(loop_thread: LoopThread, tls_context) -> Iterator[Pop3House]:
    house = Pop3House(loop_thread, tls_context=tls_context)
    house.file("alice", b"Subject: one\r\n\r\nFirst\r\n", b"Subject: two\r\n\r\n.dots\r\n..\r\nend")
    yield house
    house.close()
