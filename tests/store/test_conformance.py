# SPDX-License-Identifier: MIT
"""The conformance suite over each store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from homemail.store.api import Store
from homemail.store.memory import MemoryStore
from tests.store.conformance import *  # noqa: F403
from tests.store.conformance import ALICE, MAIL


@pytest.fixture(params=["memory"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    opened = MemoryStore(ALICE.account)
    yield opened
    opened.close()


@pytest.fixture(params=["memory"])
def small_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store with room for three times MAIL."""
    opened = MemoryStore(ALICE.account, messages_limit=3, octets_limit=3 * len(MAIL))
    yield opened
    opened.close()
