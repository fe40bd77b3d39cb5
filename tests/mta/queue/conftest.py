# SPDX-License-Identifier: MIT
"""Where the tests' messages are kept: they are small, so in segments, unless told."""

from __future__ import annotations

import pytest

from homemail.mta.queue import segments


@pytest.fixture
def a_file_each():
    """Keep every message in a file of its own, as if it were large."""
    with pytest.MonkeyPatch.context() as patch:  # its own: tests undo theirs in the middle
        patch.setattr(segments, "SMALL", -1)
        yield
