# SPDX-License-Identifier: MIT
"""The client of sievelib (PyPI) against the server, over loopback with STARTTLS."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest

from tests.managesieve.house import SieveHouse

managesieve = pytest.importorskip("sievelib.managesieve", reason="sievelib is not installed")

pytestmark = [pytest.mark.real]

SCRIPT = 'require ["fileinto"];\r\nif header :contains "x" "ü" { fileinto "z"; }\r\n'


@pytest.fixture
def client(
    make_house: Callable[..., SieveHouse], monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, SieveHouse]:
    house = make_house()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the certificate is of the test's own making
    context.verify_mode = ssl.CERT_NONE
    monkeypatch.setattr(managesieve.ssllib, "create_default_context", lambda: context)
    return managesieve.Client("127.0.0.1", srvport=house.port), house


def test_every_command(client: tuple[Any, SieveHouse]) -> None:
    made, house = client
    assert made.connect("alice", "alice-secret", starttls=True, authmech="PLAIN")
    assert "fileinto" in made.get_sieve_capabilities()
    assert made.havespace("filter", 1000)
    assert not made.havespace("filter", 10**9)
    assert made.checkscript(SCRIPT)
    assert not made.checkscript("kep;")
    assert b"did you mean" in made.errmsg
    assert made.putscript("filter", SCRIPT)
    assert not made.putscript("wrong", "keep")
    assert made.getscript("filter").split() == SCRIPT.split()
    assert made.setactive("filter")
    assert made.listscripts() == ("filter", [])
    assert made.renamescript("filter", "main")
    assert made.listscripts() == ("main", [])
    assert not made.deletescript("main")
    assert made.setactive("")
    assert made.deletescript("main")
    assert house.scripts("alice").all() == []
    made.logout()


def test_a_wrong_password(client: tuple[Any, SieveHouse]) -> None:
    made, _ = client
    assert not made.connect("alice", "wrong", starttls=True, authmech="PLAIN")
