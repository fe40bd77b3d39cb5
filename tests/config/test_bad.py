# SPDX-License-Identifier: MIT
"""Each folder of ``bad/`` has settings that must be refused, and what must be said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from homemail.config.load import load
from homemail.errors import ConfigErrors

BAD = Path(__file__).parent / "bad"


@pytest.mark.parametrize("folder", sorted(BAD.iterdir()), ids=lambda folder: folder.name)
def test_every_error_is_told_with_its_line(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigErrors) as caught:
        load([Path("homemail.toml")], hostname=lambda: "host.example.org")
    assert str(caught.value).splitlines() == (folder / "expected.txt").read_text().splitlines()
