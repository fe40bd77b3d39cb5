# SPDX-License-Identifier: MIT
"""The words for failure.

::

    MailError                 text: safe for a client; __cause__: for the log
    ├── Temporary   4.3.0     try again
    │   ├── StorageFull       4.3.1
    │   ├── LockTimeout       4.3.0
    │   ├── TableUnavailable  4.3.0
    │   └── NextHopUnreachable 4.4.1
    ├── Permanent   5.0.0     will not help
    │   ├── NoSuchUser        5.1.1
    │   ├── NoSuchMailbox     5.1.1
    │   ├── MailboxExists     5.0.0
    │   ├── BadMailboxName    5.1.3
    │   ├── MessageTooBig     5.3.4
    │   ├── BadContent        5.6.0
    │   ├── OverQuota         5.2.2
    │   ├── TooManyKeywords   5.0.0
    │   ├── Refused           5.7.1
    │   └── LoopDetected      5.4.6
    └── PeerError   5.5.2     the other side broke the protocol
    ConfigError               file, line, parameter, what was expected
    └── ConfigErrors          several of them, found in one reading

Anything that is none of these is a fault of ours: it is logged with its trace and answered as
temporary, because a wrong 4xx costs a minute and a wrong 5xx costs the message.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path


class MailError(Exception):
    """A failure with a text that may be shown to a client, and an enhanced status code."""

    status = "4.0.0"  # RFC 3463

    def __init__(self, text: str, status: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        if status is not None:
            self.status = status


class Temporary(MailError):
    """Trying again later may help."""

    status = "4.3.0"


class StorageFull(Temporary):
    """No space is left where the message has to go."""

    status = "4.3.1"


class LockTimeout(Temporary):
    """Another program holds the mailbox."""


class TableUnavailable(Temporary):
    """A lookup could not be answered; this is not the same as "absent"."""


class NextHopUnreachable(Temporary):
    """No host of the next hop answers."""

    status = "4.4.1"


class Permanent(MailError):
    """Trying again will not help."""

    status = "5.0.0"


class NoSuchUser(Permanent):
    """Nobody here has this address."""

    status = "5.1.1"


class NoSuchMailbox(Permanent):
    """The owner has no mailbox of this name."""

    status = "5.1.1"


class MailboxExists(Permanent):
    """The owner already has a mailbox of this name."""


class BadMailboxName(Permanent):
    """The name cannot be that of a mailbox."""

    status = "5.1.3"


class MessageTooBig(Permanent):
    """The message is larger than is accepted here."""

    status = "5.3.4"


class BadContent(Permanent):
    """The octets cannot be kept as a message."""

    status = "5.6.0"


class OverQuota(Permanent):
    """The mailbox may not grow any further; with 4.2.2 it may when something is removed."""

    status = "5.2.2"


class TooManyKeywords(Permanent):
    """The mailbox has no room for one more keyword (IMAP's [LIMIT])."""


class Refused(Permanent):
    """Policy says no."""

    status = "5.7.1"


class LoopDetected(Permanent):
    """The message has been here before."""

    status = "5.4.6"


class PeerError(MailError):
    """The other side broke the protocol."""

    status = "5.5.2"


class ConfigError(Exception):
    """A setting that cannot be used: where it stands and what was expected.

    ``line`` is 0 where the trouble is not in one line.
    """

    def __init__(
        self, text: str, *, file: Path | str | None = None, line: int = 0, parameter: str = ""
    ) -> None:
        self.text = text
        self.file = file
        self.line = line
        self.parameter = parameter
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file and self.line else ""
        if self.file and not self.line:
            where = f"{self.file}: "
        name = f"{self.parameter}: " if self.parameter else ""
        return f"{where}{name}{self.text}"


class ConfigErrors(ConfigError):
    """Everything wrong that one reading of the settings found, one line each."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def from_os_error(error: OSError, doing: str) -> Temporary:
    """Return the typed failure for ``error``; ``doing`` is safe for a client ("writing the queue").

    Every failure of the operating system is temporary here: disks are freed, homes are mounted
    again, permissions are mended. The error itself belongs in the log (raise ``from error``).
    """
    if error.errno in _FULL:
        return StorageFull(f"Insufficient system storage while {doing}")
    return Temporary(f"Local trouble while {doing}, try again later")
