# SPDX-License-Identifier: MIT
"""A log line cannot be forged, has the mail log's shape, and goes on after a rotation."""

import logging
import re

import pytest

from homemail.log import Log, log_to


@pytest.fixture(autouse=True)
def _keep_handlers():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)
            handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def test_values_of_a_peer_cannot_forge_a_line(tmp_path):
    log_to(tmp_path / "log")
    Log("smtpd").info("refused", sender="a b\n250 ok", size=5, nothing=None)
    [line] = (tmp_path / "log").read_text().splitlines()
    stamp, _, rest = line.partition(" homemail/")
    assert re.fullmatch(r"\w{3} [ \d]\d \d\d:\d\d:\d\d", stamp)
    assert re.fullmatch(r'smtpd\[\d+\]: refused: sender="a b\\n250 ok" size=5', rest)


def test_a_rotated_log_goes_on_in_a_new_file(tmp_path):
    log_to(tmp_path / "log")
    Log("queue").info("one")
    (tmp_path / "log").rename(tmp_path / "log.1")
    Log("queue").warning("two")
    assert "warning: two" in (tmp_path / "log").read_text()


def test_a_fault_shows_where_it_was(tmp_path):
    log_to(tmp_path / "log")
    try:
        raise ValueError("inside")
    except ValueError:
        Log("imap").exception("command failed", trace="X")
    assert "Traceback" in (tmp_path / "log").read_text()
