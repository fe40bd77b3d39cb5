# SPDX-License-Identifier: MIT
"""Line ends, in one piece and cut at every place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homemail.errors import BadContent
from homemail.model.message import read_all
from homemail.store import content, octets
from homemail.store.message_file import content_of, open_file

MIXED = b"a\r\nb\nc\rd\r\r\n\r\n\n\r"


@pytest.mark.parametrize("cut", range(len(MIXED) + 1))
def test_line_ends_cut_anywhere(cut: int) -> None:
    assert b"".join(octets.to_lf([MIXED[:cut], MIXED[cut:]])) == b"a\nb\nc\nd\n\n\n\n\n"


def test_line_ends_octet_by_octet() -> None:
    pieces = [MIXED[at : at + 1] for at in range(len(MIXED))]
    assert b"".join(octets.to_lf(pieces)) == b"a\nb\nc\nd\n\n\n\n\n"


def test_nul_is_refused() -> None:
    with pytest.raises(BadContent):
        list(octets.to_lf([b"a", b"\0"]))


@pytest.mark.parametrize("size", range(1, 8))
def test_files_are_served_the_same_in_pieces_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "x"
    path.write_bytes(MIXED + b"\0\r")
    served = b"a\r\nb\r\nc\rd\r\r\n\r\n\r\n\r\x80\r"
    monkeypatch.setattr(content, "PIECE", size)
    fd = os.open(path, os.O_RDONLY)
    whole = content.LfContent(fd, len(served))
    assert read_all(whole) == served
    with whole.open() as reader:
        assert b"".join(iter(lambda: reader.read(3), b"")) == served
    assert octets.served(MIXED + b"\0\r") == served


def test_a_link_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    with pytest.raises(OSError):
        open_file(tmp_path / "link")


def test_a_large_file_of_unknown_size_is_counted(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"line\n" * 60_000)
    served = content_of(open_file(tmp_path / "x"), None)
    assert served.size == 360_000 == len(read_all(served))
