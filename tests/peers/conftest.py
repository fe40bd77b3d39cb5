# SPDX-License-Identifier: MIT
"""A house in memory, and directories that other people's servers may enter."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.mta.conftest import house, listening, tls_context  # noqa: F401


@pytest.fixture
def base():
    """A directory that servers under other users can enter (pytest's own cannot be)."""
    directory = Path(tempfile.mkdtemp(prefix="peer-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)
