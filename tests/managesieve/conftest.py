# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from homemail.config.tls import TlsSettings
from homemail.roles.tls import load_contexts, make_self_signed
from tests.loop import LoopThread
from tests.managesieve.house import SieveHouse


@pytest.fixture(scope="session")
def tls_context(tmp_path_factory: pytest.TempPathFactory) -> Any:
    certificate, key = make_self_signed(tmp_path_factory.mktemp("tls"), ("localhost",))
    settings = TlsSettings(tls_certificate_file=certificate, tls_key_file=key)
    return load_contexts(settings).twisted("managesieve")


@pytest.fixture
def make_house(
    loop_thread: LoopThread, tls_context: Any, tmp_path: Path
) -> Iterator[Callable[..., SieveHouse]]:
    houses: list[SieveHouse] = []

    def make(**settings: Any) -> SieveHouse:
        houses.append(SieveHouse(loop_thread, tmp_path, tls_context=tls_context, **settings))
        return houses[-1]

    yield make
    for house in houses:
        house.close()
