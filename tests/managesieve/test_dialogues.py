# SPDX-License-Identifier: MIT
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from homemail.errors import Temporary
from homemail.managesieve.server import ManageSieveProtocol
from homemail.model.session import ChannelFacts, Peer
from tests.managesieve.house import SieveHouse
from tests.transcript import SocketConnection, run_transcript, transcripts

ALICE = "AGFsaWNlAGFsaWNlLXNlY3JldA=="  # \0alice\0alice-secret
SMALL = {"sieve_max_script_size": 20, "sieve_quota_max_scripts": 3, "sieve_quota_max_storage": 30}


@pytest.mark.parametrize("path", transcripts("managesieve"), ids=lambda path: path.stem)
def test_dialogue(path: Path, make_house: Callable[..., SieveHouse]) -> None:
    settings = SMALL if path.stem == "quota" else {}
    house = make_house(**settings)
    run_transcript(
        path,
        lambda service: SocketConnection("127.0.0.1", house.port),
        "sieve",
        variables={"alice": ALICE},
    )


def greeting(connection: SocketConnection) -> list[bytes]:
    lines = []
    while not lines or not re.match(rb"(OK|NO|BYE)\b", lines[-1]):
        lines.append(connection.readline())
        assert lines[-1]
    return lines


def login(house: SieveHouse) -> SocketConnection:
    connection = SocketConnection("127.0.0.1", house.port)
    greeting(connection)
    connection.send(b'AUTHENTICATE "PLAIN" "%s"\r\n' % ALICE.encode())
    assert connection.readline() == b'OK "Logged in"\r\n'
    return connection


def from_afar(monkeypatch: pytest.MonkeyPatch) -> None:
    def channel(self: ManageSieveProtocol) -> ChannelFacts:
        return ChannelFacts("managesieve", Peer("192.0.2.1", 4711), self.tls)

    monkeypatch.setattr(ManageSieveProtocol, "channel", channel)


def test_from_afar_a_password_needs_tls(
    make_house: Callable[..., SieveHouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    from_afar(monkeypatch)
    connection = SocketConnection("127.0.0.1", make_house().port)
    (sasl,) = [line for line in greeting(connection) if line.startswith(b'"SASL"')]
    assert b"PLAIN" not in sasl.replace(b"-PLAIN", b"")
    connection.send(b'AUTHENTICATE "PLAIN" "%s"\r\n' % ALICE.encode())
    assert connection.readline().startswith(b"NO (ENCRYPT-NEEDED) ")
    connection.send(b"STARTTLS\r\n")
    assert connection.readline().startswith(b"OK ")
    connection.starttls()
    lines = greeting(connection)
    assert not any(line.startswith(b'"STARTTLS"') for line in lines)
    assert any(line.startswith(b'"SASL"') and b"PLAIN" in line for line in lines)
    connection.send(b'AUTHENTICATE "PLAIN" "%s"\r\n' % ALICE.encode())
    assert connection.readline() == b'OK "Logged in"\r\n'
    connection.close()


def test_too_many_connections(
    make_house: Callable[..., SieveHouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Peer, "is_loopback", False)
    house = make_house(managesieve_client_connection_count_limit=1)
    first = SocketConnection("127.0.0.1", house.port)
    greeting(first)
    second = SocketConnection("127.0.0.1", house.port)
    assert second.readline().startswith(b"BYE (TRYLATER) ")
    assert second.readline() == b""
    first.close()
    second.close()


def test_silence_ends_the_login(make_house: Callable[..., SieveHouse]) -> None:
    connection = SocketConnection("127.0.0.1", make_house(managesieve_login_timeout=0.05).port)
    greeting(connection)
    assert connection.readline().startswith(b"BYE ")
    assert connection.readline() == b""


def test_silence_ends_the_session(make_house: Callable[..., SieveHouse]) -> None:
    connection = login(make_house(managesieve_timeout=0.05))
    assert connection.readline().startswith(b"BYE ")


def test_shutdown_says_bye(make_house: Callable[..., SieveHouse]) -> None:
    house = make_house()
    connection = login(house)
    house.loop_thread.run(house.factory.shutdown())
    assert connection.readline() == b'BYE "Server shutting down"\r\n'
    assert connection.readline() == b""


def test_literals_are_small_before_the_login(make_house: Callable[..., SieveHouse]) -> None:
    connection = SocketConnection("127.0.0.1", make_house().port)
    greeting(connection)
    connection.send(b'PUTSCRIPT "a" {20000+}\r\n' + b"LOGOUT\r\n" * 2500 + b"\r\n")
    expected = b'NO (QUOTA/MAXSIZE) "At most 16384 octets, please"\r\n'
    assert connection.readline() == expected
    connection.send(b'NOOP "still there"\r\n')
    assert connection.readline() == b'OK (TAG "still there") "Done"\r\n'
    connection.close()


@pytest.mark.parametrize(
    ("rubbish", "farewell"),
    [
        (b'NOOP "' + b"a" * 20_000 + b'"\r\n', b"That cannot be understood"),
        (b"FOO\r\n" * 25, b"Too many errors"),
    ],
)
def test_rubbish_ends_the_connection(
    make_house: Callable[..., SieveHouse], rubbish: bytes, farewell: bytes
) -> None:
    connection = SocketConnection("127.0.0.1", make_house().port)
    greeting(connection)
    connection.send(rubbish)
    lines = list(iter(connection.readline, b""))
    assert lines[-1] == b'BYE "%b"\r\n' % farewell


class Broken:
    """Scripts on a disk that fails."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        def fail(*args: object) -> None:
            if name == "all":
                raise Temporary("Local trouble while listing the scripts, try again later")
            raise RuntimeError("/secret/path")

        return fail


def test_trouble_is_temporary_and_tells_nothing(make_house: Callable[..., SieveHouse]) -> None:
    house = make_house()
    house.broken = Broken()  # type: ignore[assignment]
    connection = login(house)
    connection.send(b"LISTSCRIPTS\r\n")
    expected = b'NO (TRYLATER) "Local trouble while listing the scripts, try again later"\r\n'
    assert connection.readline() == expected
    connection.send(b'GETSCRIPT "a"\r\n')
    assert connection.readline() == b'NO (TRYLATER) "Internal trouble, try again later"\r\n'
    connection.close()


def test_a_script_of_a_megabyte_comes_back_as_it_was(
    make_house: Callable[..., SieveHouse],
) -> None:
    connection = login(make_house())
    script = b"# \xc3\xa9 0123456789\r\n" * 55_000
    connection.send(b'PUTSCRIPT "big" {%d+}\r\n%b\r\n' % (len(script), script))
    assert connection.readline() == b'OK "Script kept"\r\n'
    connection.send(b'GETSCRIPT "big"\r\n')
    assert connection.readline() == b"{%d}\r\n" % len(script)
    assert b"".join(connection.readline() for _ in range(55_000)) == script
    assert connection.readline() == b"\r\n"
    assert connection.readline() == b'OK "Script sent"\r\n'
    connection.close()


def test_scripts_belong_to_their_owner(make_house: Callable[..., SieveHouse]) -> None:
    house = make_house()
    house.scripts("bob").write("secret", b"discard;")
    connection = login(house)
    for name in (b"secret", b"../../bob/sieve/secret", b"/etc/passwd"):
        connection.send(b'GETSCRIPT "%b"\r\n' % name)
        assert connection.readline().startswith(b"NO (NONEXISTENT)")
    connection.close()
