# SPDX-License-Identifier: MIT
"""Fixtures of the transfer's tests."""

from __future__ import annotations

import ssl

import pytest

from homemail.roles.tls import make_self_signed
from tests.mta.smtp_server import House, Listening


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.fixture
def listening(loop_thread, house):
    one = Listening(loop_thread, house)
    yield one
    one.close()


@pytest.fixture(scope="session")
def tls_context(tmp_path_factory):
    certificate, key = make_self_signed(tmp_path_factory.mktemp("tls"), ("mail.home.test",))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context
