# SPDX-License-Identifier: MIT
"""Bulletins: messages to everybody, filed into each INBOX when its owner collects his mail.

``pop3_bulletin_directory`` has a file for each, ``NNNNN.anything`` (five digits, counted up), with
a message that may begin with a ``From `` line. An owner gets those whose number is above the last
one he got; that number is in a file of his account's name in a directory of ours. A bulletin whose
file is taken away is filed for nobody else. After a crash between filing and counting it is filed
again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from homemail.durable import make_directory, write_atomic
from homemail.log import Log
from homemail.model.address import AccountId

log = Log("pop3")

_NAME = re.compile(r"(?P<number>[0-9]{5})\..+")
_OCTETS = 10_000_000


@dataclass(frozen=True, slots=True)
class Bulletin:
    """One of them; ``octets`` with CRLF line ends."""

    number: int
    octets: bytes


class Bulletins:
    """Those in ``directory``; who has got which is kept below ``state``. Called in a thread."""

    def __init__(self, directory: Path, state: Path) -> None:
        self._directory = directory
        self._state = state

    def for_account(self, account: AccountId) -> list[Bulletin]:
        """Return what the account has not got yet, in order.

        Trouble is logged and nothing is returned: the mail itself is more important.
        """
        try:
            last = self._last(account)
            files = sorted(
                (int(match["number"]), path)
                for path in self._directory.iterdir()
                if (match := _NAME.fullmatch(path.name)) and int(match["number"]) > last
            )
            return [Bulletin(number, _message(path)) for number, path in files]
        except (OSError, ValueError) as error:
            log.warning("the bulletins cannot be read", why=error)
            return []

    def filed(self, account: AccountId, number: int) -> None:
        """Note that the account has got all bulletins up to ``number``.

        Raises:
            Temporary: that cannot be written.
        """
        make_directory(self._state)
        write_atomic(self._file(account), b"%d\n" % number)

    def _last(self, account: AccountId) -> int:
        try:
            return int(self._file(account).read_text("ascii"))
        except FileNotFoundError:
            return 0

    def _file(self, account: AccountId) -> Path:
        return self._state / quote(account, safe="@+=,")


def _message(path: Path) -> bytes:
    with path.open("rb") as file:
        octets = file.read(_OCTETS + 1)
    if len(octets) > _OCTETS:
        raise ValueError(f"{path.name} is too large")
    octets = octets.replace(b"\r\n", b"\n").replace(b"\0", b"")
    if octets.startswith(b"From "):
        octets = octets.partition(b"\n")[2]
    return octets.replace(b"\n", b"\r\n")
