# SPDX-License-Identifier: MIT
"""The scripts a message goes through: the house's, the owner's, the house's again.

The owner's is ``~/.homemail.sieve``, a file or a link to one in the home. A script hands the
message on to the next one as long as it keeps it; what it does beside the keep counts all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from homemail.mda.final_fields import final_fields
from homemail.mda.ledger import Ledger, digest
from homemail.mda.owner import Job, Owner, log
from homemail.mda.owner_file import OwnerFile, read_owner_file, version
from homemail.mda.owner_note import DAY, ONCE, Note, tell_owner
from homemail.model.mailbox import MailboxName
from homemail.sieve import (
    Action,
    ContentView,
    EnvelopeView,
    Keep,
    Limits,
    Outcome,
    Scores,
    Script,
    ScriptErrors,
    Seen,
    Surroundings,
    compile_script,
    run,
)
from homemail.sieve.scripts import BadScriptName, check_name, file_name

NAME = ".homemail.sieve"
_LIST_NAME = re.compile(r"[\w+-][\w.+ -]{0,63}")


def duplicate_key(key: str) -> bytes:
    """Return what the ledger keeps of a key of the test ``duplicate``."""
    return digest(("duplicate", key))


@dataclass(frozen=True, slots=True)
class Decision:
    """What the scripts want done; ``seen`` is remembered once it is."""

    actions: tuple[Action, ...]
    seen: tuple[Seen, ...] = ()


Versions = tuple[tuple[Path, tuple[int, ...] | None], ...]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """``versions`` are those of every file that went into it, missing ones too."""

    versions: Versions
    script: Script | ScriptErrors


class ScriptFile:
    """A script on the disk: compiled once, and again when a file of it has changed.

    It includes scripts out of ``personal`` and of ``house``, directories that may be missing.
    """

    def __init__(
        self, path: Path, limits: Limits, *, personal: Path | None = None, house: Path | None = None
    ) -> None:
        self.path = path
        self._limits = limits
        self._directories = {False: personal, True: house}
        self._compiled: _Compiled | None = None

    def current(self, uid: int) -> Script | ScriptErrors | None:
        """Return the script as it is now; None where there is none that ``uid`` may use.

        Raises:
            Temporary: whether there is one cannot be told.
        """
        compiled = self._compiled
        if compiled is None or any(version(path) != old for path, old in compiled.versions):
            file = read_owner_file(self.path, uid)
            compiled = self._compiled = None if file is None else self._compile(file, uid)
        return compiled.script if compiled else None

    def _compile(self, file: OwnerFile, uid: int) -> _Compiled:
        versions: list[tuple[Path, tuple[int, ...] | None]] = [(self.path, file.version)]

        def load(of_the_house: bool, name: str) -> bytes | None:
            directory = self._directories[of_the_house]
            try:
                check_name(name)
            except BadScriptName:
                return None
            if directory is None or not directory.is_dir():
                return None
            path = directory / file_name(name)
            found = read_owner_file(path, uid)
            versions.append((path, found.version if found else version(path)))
            return found.octets if found else None

        script = compile_script(file.octets, self._limits, load)
        return _Compiled(tuple(versions), script)


@dataclass(frozen=True, slots=True)
class HouseScripts:
    """The scripts of the house, in order; every owner's delivery uses the same.

    ``directory`` holds those that ``include :global`` means. ``scores``: where filters in front of
    us write what they found.
    """

    before: tuple[ScriptFile, ...] = ()
    after: tuple[ScriptFile, ...] = ()
    directory: Path | None = None
    scores: Scores = field(default_factory=Scores)


class ActiveScript:
    """Decides by the scripts what becomes of a message."""

    def __init__(self, owner: Owner, house: HouseScripts) -> None:
        self._owner = owner
        self._house = house
        self._file: ScriptFile | None = None

    def is_there(self) -> bool:
        """Whether the owner has a script of his own, right or wrong.

        Raises:
            Temporary: that cannot be told.
        """
        return self._own() is not None

    def decide(self, job: Job) -> Decision:
        """Return what the scripts want done; a keep where there are none or they fail.

        Called in the owner's lane.

        Raises:
            Temporary: whether there is a script cannot be told.
        """
        view: ContentView | None = None
        actions: list[Action] = []
        seen: list[Seen] = []
        last = Keep()
        for file, script in self._scripts(job):
            view = view or ContentView(job.content, final_fields(job.delivery))
            outcome = self._run(job, script, view)
            if outcome.error is not None:
                self._failed(job, file, outcome)
            seen += outcome.seen
            actions += (action for action in outcome.actions if not isinstance(action, Keep))
            keeps = [action for action in outcome.actions if isinstance(action, Keep)]
            if not keeps:
                return Decision(tuple(actions), tuple(seen))
            last = Keep(keeps[-1].flags or last.flags, keeps[-1].header or last.header)
            if keeps[-1].header is not None:
                view = view.with_header(keeps[-1].header)
        return Decision((*actions, last), tuple(seen))

    def _scripts(self, job: Job) -> Iterator[tuple[ScriptFile, Script]]:
        for file in self._house.before:
            yield from self._usable(job, file, file.current(self._owner.uid))
        if own := self._own():
            yield from self._usable(job, *own)
        for file in self._house.after:
            yield from self._usable(job, file, file.current(self._owner.uid))

    def _usable(
        self, job: Job, file: ScriptFile, script: Script | ScriptErrors | None
    ) -> Iterator[tuple[ScriptFile, Script]]:
        if isinstance(script, Script):
            yield file, script
        elif script is not None:
            log.warning("script has errors, passed over", file=file.path, errors=script)
            if file is self._file:
                tell_owner(self._owner, job, _about_errors(file.path, script))

    def _run(self, job: Job, script: Script, view: ContentView) -> Outcome:
        owner, delivery = self._owner, job.delivery
        domain = delivery.recipient.forward_path.domain.name
        return run(
            script,
            view,
            EnvelopeView(delivery.envelope.reverse_path, delivery.recipient.forward_path),
            Surroundings(
                owner.now(),
                owner.delimiter,
                self._mailbox_exists,
                {"host": owner.hostname, "domain": domain},
                self._special_use,
                self._was_seen,
                self._members,
                self._house.scores,
            ),
            owner.limits,
        )

    def _special_use(self, attribute: str) -> list[MailboxName]:
        wanted = attribute.lower()
        rows = self._owner.mail.store.mailboxes()
        return [row.name for row in rows if wanted in {use.lower() for use in row.special_use}]

    def _was_seen(self, key: str, seconds: int) -> bool:
        owner = self._owner
        memory = Ledger(owner.home, "duplicate")
        return memory.is_recent(duplicate_key(key), owner.now().timestamp(), seconds)

    def _members(self, name: str) -> list[str] | None:
        """Return what is in ``~/sieve/lists/NAME``: a line each, ``#`` begins a comment."""
        directory = self._owner.home / "sieve" / "lists"
        if not _LIST_NAME.fullmatch(name) or not directory.is_dir():
            return None
        file = read_owner_file(directory / name, self._owner.uid)
        if file is None:
            return None
        lines = (line.strip() for line in file.octets.decode("utf-8", "replace").splitlines())
        return [line for line in lines if line and not line.startswith("#")]

    def _failed(self, job: Job, file: ScriptFile, outcome: Outcome) -> None:
        log.warning(
            "script failed, message kept", trace=job.trace, file=file.path, error=outcome.error
        )
        if file is self._file:
            tell_owner(self._owner, job, _about_failure(file.path, outcome))

    def _mailbox_exists(self, name: MailboxName) -> bool:
        return any(row.exists and row.name == name for row in self._owner.mail.store.mailboxes())

    def _own(self) -> tuple[ScriptFile, Script | ScriptErrors] | None:
        path = _script_path(self._owner.home)
        if path is None:
            return None
        if self._file is None or self._file.path != path:
            self._file = ScriptFile(
                path,
                self._owner.limits,
                personal=self._owner.home / "sieve",
                house=self._house.directory,
            )
        script = self._file.current(self._owner.uid)
        return None if script is None else (self._file, script)


def _about_errors(path: Path, errors: ScriptErrors) -> Note:
    lines = [str(error) for error in errors.errors]
    text = (
        f"Your Sieve script {path} cannot be used:\n\n"
        + "\n".join(lines)
        + "\n\nUntil it is mended, your mail is filed in INBOX. Nothing is lost.\n"
        "You get this note once for these mistakes.\n"
    )
    return Note("Your mail filter has mistakes", text, ("script errors", *lines), ONCE)


def _about_failure(path: Path, outcome: Outcome) -> Note:
    text = (
        f"Your Sieve script {path} failed while it ran:\n\n{outcome.error}\n\n"
        "The message is in INBOX; nothing else was done with it.\n"
        "You get this note at most once a day.\n"
    )
    return Note("Your mail filter failed", text, ("script failed",), DAY)


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
