# SPDX-License-Identifier: MIT
"""The control socket."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from homemail.roles.control import Control, Event, ask


async def count(request: Mapping[str, object]) -> AsyncIterator[Event]:
    for number in range(int(str(request["to"]))):
        yield {"number": number}


async def fail(request: Mapping[str, object]) -> AsyncIterator[Event]:
    yield {"number": 1}
    raise ZeroDivisionError


def asked(directory: Path, **request: object) -> list[Event] | None:
    """Ask a server that runs just for this."""

    async def main() -> list[Event] | None:
        control = Control(directory, {"count": count, "fail": fail})
        await control.start()
        try:
            return await asyncio.to_thread(lambda: _listed(directory, request))
        finally:
            await control.close()

    return asyncio.run(main())


def _listed(directory: Path, request: Mapping[str, object]) -> list[Event] | None:
    answers = ask(directory, request)
    return None if answers is None else list(answers)


def test_events_come_as_they_are(tmp_path: Path) -> None:
    assert asked(tmp_path, job="count", to=3) == [{"number": number} for number in range(3)]


def test_only_the_owner_may_connect(tmp_path: Path) -> None:
    async def main() -> int:
        control = Control(tmp_path, {})
        await control.start()
        mode = (tmp_path / "control").stat().st_mode
        await control.close()
        return mode

    mode = asyncio.run(main())
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    assert not (tmp_path / "control").exists()


def test_a_fault_is_told_without_its_text(tmp_path: Path) -> None:
    answers = asked(tmp_path, job="fail")
    assert answers == [{"number": 1}, {"failed": "the server failed; its log says more"}]


def test_unknown_requests(tmp_path: Path) -> None:
    assert asked(tmp_path, job="nothing") == [{"failed": "the server does not know this request"}]
    assert asked(tmp_path) == [{"failed": "the server does not know this request"}]


def test_nobody_listens(tmp_path: Path) -> None:
    assert ask(tmp_path, {}) is None
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "control"))  # as a server that was killed leaves it
    left.close()
    assert ask(tmp_path, {}) is None
    assert asked(tmp_path, job="count", to=1) == [{"number": 0}]


def test_a_long_path_is_no_trouble(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    assert asked(deep, job="count", to=1) == [{"number": 0}]


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "control").write_text("mine")
    control = Control(tmp_path, {})

    async def main() -> None:
        await control.start()
        await control.close()

    asyncio.run(main())
    assert (tmp_path / "control").read_text() == "mine"
