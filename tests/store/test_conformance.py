# SPDX-License-Identifier: MIT
"""The conformance suite over each store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from homemail.config.mailbox import MailboxSettings
from homemail.store import FORMATS
from homemail.store.api import Store
from tests.store.conformance import *  # noqa: F403
from tests.store.conformance import ALICE, MAIL


@pytest.fixture(params=sorted(FORMATS))
def format_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def store(format_name: str, tmp_path: Path) -> Iterator[Store]:
    opened = FORMATS[format_name](ALICE.account, tmp_path, MailboxSettings())
    yield opened
    opened.close()


@pytest.fixture
def small_store(format_name: str, tmp_path: Path) -> Iterator[Store]:
    """A store with room for three times MAIL."""
    opened = FORMATS[format_name](
        ALICE.account, tmp_path, MailboxSettings(), messages_limit=3, octets_limit=3 * len(MAIL)
    )
    yield opened
    opened.close()
