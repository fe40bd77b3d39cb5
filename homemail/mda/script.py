# SPDX-License-Identifier: MIT
"""The owner's active Sieve script: ``~/.homemail.sieve``, a file or a link to one in the home."""

from __future__ import annotations

from pathlib import Path

from homemail.mda.final_fields import with_final_fields
from homemail.mda.owner import Job, Owner, log
from homemail.mda.owner_file import read_owner_file, version
from homemail.model.mailbox import MailboxName
from homemail.sieve import (
    Action,
    ContentView,
    EnvelopeView,
    Keep,
    Script,
    ScriptErrors,
    Surroundings,
    compile_script,
    run,
)

NAME = ".homemail.sieve"


class ActiveScript:
    """Compiles the script once, and again when the file has changed."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._version: tuple[int, ...] | None = None
        self._script: Script | None = None

    def decide(self, job: Job) -> tuple[Action, ...]:
        """Return what the script wants done; a keep where there is none or it fails.

        Called in the owner's lane.

        Raises:
            Temporary: whether there is a script cannot be told.
        """
        script = self._current()
        if script is None:
            return (Keep(),)
        owner, delivery = self._owner, job.delivery
        outcome = run(
            script,
            ContentView(with_final_fields(delivery, job.content)),
            EnvelopeView(delivery.envelope.reverse_path, delivery.recipient.forward_path),
            Surroundings(owner.now(), owner.delimiter, self._mailbox_exists),
            owner.limits,
        )
        if outcome.error is not None:
            log.warning("script failed, message kept", trace=job.trace, error=outcome.error)
        return outcome.actions

    def _mailbox_exists(self, name: MailboxName) -> bool:
        return any(row.exists and row.name == name for row in self._owner.mail.store.mailboxes())

    def _current(self) -> Script | None:
        path = _script_path(self._owner.home)
        if path is None:
            return None
        now = version(path)
        if now is None or now != self._version:
            self._version, self._script = None, None
            file = read_owner_file(path, self._owner.uid)
            if file is not None:
                self._script = self._compiled(path, file.octets)
                self._version = file.version
        return self._script

    def _compiled(self, path: Path, octets: bytes) -> Script | None:
        script = compile_script(octets, self._owner.limits)
        if isinstance(script, ScriptErrors):
            log.warning("script has errors, mail is kept", file=path, errors=script)
            return None
        return script


def _script_path(home: Path) -> Path | None:
    """Return the file the active script is in; a link must stay in the home."""
    link = home / NAME
    if not link.is_symlink():
        return link
    try:
        target = link.resolve(strict=True)
        inside = target.is_relative_to(home.resolve())
    except (OSError, RuntimeError):
        inside = False
    if not inside:
        log.warning("script not trusted, passed over", file=link, reason="the link leads elsewhere")
        return None
    return target
