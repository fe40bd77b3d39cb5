# SPDX-License-Identifier: MIT
"""Fixtures that every test may use."""

from __future__ import annotations

import pytest

from tests.loop import LoopThread

_loop_thread = LoopThread()  # before any test module can import Twisted's reactor


@pytest.fixture
def loop_thread() -> LoopThread:
    """The background event loop (see ``tests/loop.py``)."""
    return _loop_thread
