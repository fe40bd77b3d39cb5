# SPDX-License-Identifier: MIT
"""Mailboxes as Maildirs in the owner's home (``docs/formats/maildir.md``)."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from homemail import durable
from homemail.config.mailbox import MailboxSettings
from homemail.errors import (
    MailboxExists,
    MailError,
    NoSuchMailbox,
    Permanent,
    Temporary,
)
from homemail.log import Log
from homemail.model.address import AccountId
from homemail.model.mailbox import (
    INBOX,
    Appended,
    Flag,
    MailboxId,
    MailboxName,
    ModSeq,
    Uid,
    UidValidity,
)
from homemail.model.message import MessageContent
from homemail.store import care, maildir_size, message_file
from homemail.store import state as states
from homemail.store.api import (
    Actor,
    Append,
    Found,
    MailboxInfo,
    MailboxStatus,
    NewMessage,
    Outcome,
    Progress,
    Quota,
    Removed,
)
from homemail.store.changes import DirectoryWatch
from homemail.store.deleted import Deleted, DeletedMail
from homemail.store.full_text import FullText
from homemail.store.index import Index
from homemail.store.keywords import DELETED_BIT, SEEN_BIT
from homemail.store.layout import below, directory_name, mailbox_name, with_parents
from homemail.store.maildir_append import Appending, Work
from homemail.store.maildir_box import Box
from homemail.store.maildir_listing import new_mailbox_id
from homemail.store.maildir_mailbox import MaildirMailbox
from homemail.store.maildir_name import host_part
from homemail.store.maildir_reading import Surroundings
from homemail.store.owner_files import OwnerFiles

CLEARED_AT_ONCE = 200
"""Deleted messages that are cleared before others have their turn in the lane."""

BOXES_AT_ONCE = 8
"""Mailboxes that one batch of appends goes to; none may be put away meanwhile."""

KEPT_LOADED = 16
"""Mailboxes that nobody has open and that stay in memory."""

log = Log("store")


class MaildirStore:
    """All mailboxes of one owner; there is one object at a time (a lock sees to it)."""

    def __init__(
        self,
        owner: AccountId,
        home: Path,
        inbox: str,
        *,
        undelete_for: float = 0.0,
        full_text: bool = True,
        octets_limit: int = 0,
        messages_limit: int = 0,
        now: Callable[[], float] = time.time,
        follow_links: bool = False,
    ) -> None:
        """Open the Maildir ``inbox`` (a path below ``home``), made where there is none.

        ``follow_links``: directories may be links that the owner or root made. That is safe
        where each owner has a uid of his own.

        Raises:
            LockTimeout: another process has it open.
            Temporary: ``home`` is missing, or a directory cannot be used.
        """
        self._owner = owner
        self._limits = (octets_limit, messages_limit)
        self._now = now
        self._follow_links = follow_links
        self._root = home / inbox
        own = home / ".homemail"
        with durable.doing("opening the mailboxes"):
            self._check_directory(home)
            self._make_directories(home, inbox)
            for directory in (own, self._root):
                self._check_directory(directory)
            self._lock = durable.FileLock(own / "lock")
            try:
                index = Index(own / "index.sqlite")
            except BaseException:
                self._lock.close()
                raise
        self._around = Surroundings(
            index,
            DirectoryWatch(),
            DeletedMail(own / "deleted", undelete_for),
            OwnerFiles(own),
            FullText(own / "full-text.sqlite" if full_text else None),
            self._root,
            now,
            host_part(socket.gethostname()),
        )
        self._appending = Appending(self.must_fit)
        self._boxes: dict[MailboxName, Box] = {}  # the one used last at the end
        self._special_use: dict[MailboxName, tuple[int, frozenset[str]]] = {}

    def _make_directories(self, home: Path, inbox: str) -> None:
        durable.make_directory(home / ".homemail")
        for sub in ("tmp", "new", "cur"):
            durable.make_directory(home / inbox / sub)

    def _check_directory(self, directory: Path) -> None:
        """Raise ``Temporary`` where ``directory`` is none, or not the owner's."""
        try:
            status = directory.lstat()
            if stat.S_ISLNK(status.st_mode) and self._follow_links and _is_trusted(status):
                status = directory.stat()
        except FileNotFoundError:
            raise Temporary("The home of the mailboxes is missing") from None
        if not stat.S_ISDIR(status.st_mode) or not _is_trusted(status):
            log.error("not a directory of the owner", directory=directory, owner=self._owner)
            raise Temporary("The mailboxes cannot be used now")

    @property
    def owner(self) -> AccountId:
        return self._owner

    def moment(self) -> datetime:
        """Return the time."""
        return datetime.fromtimestamp(self._now(), UTC)

    # Finding mailboxes

    def _names(self) -> dict[MailboxName, Path]:
        """Return the mailboxes that exist, and their directories."""
        found = {INBOX: self._root}
        with durable.doing("listing the mailboxes"), os.scandir(self._root) as entries:
            for entry in entries:
                name = mailbox_name(entry.name)
                if name is not None and self._is_maildir(Path(entry.path)):
                    found[name] = Path(entry.path)
        return found

    def _is_maildir(self, directory: Path) -> bool:
        status = directory.lstat()
        if stat.S_ISLNK(status.st_mode) and not (self._follow_links and _is_trusted(status)):
            return False
        return (directory / "cur").is_dir()

    def _directory(self, name: MailboxName) -> Path:
        """Return where a mailbox is or would be."""
        return self._root / directory_name(name) if not name.is_inbox else self._root

    def box(self, name: MailboxName) -> Box:
        """Return a mailbox, loaded; raises ``NoSuchMailbox``."""
        box = self._boxes.pop(name, None)
        if box is not None and not box.directory.is_dir() and not name.is_inbox:
            box.mark_gone()  # another program renamed or removed it
            box.stop_watching()
            box = None
        if box is None:
            directory = self._directory(name)
            with durable.doing("opening a mailbox"):
                if not name.is_inbox and not directory.is_dir():
                    raise NoSuchMailbox("There is no such mailbox")
                self._check_directory(directory)
                self._complete(directory)
            box = Box(self._around, name, directory)
        self._boxes[name] = box
        self._put_away_idle()
        return box

    def _complete(self, directory: Path) -> None:
        """Make what another program left out, and check what is there."""
        for sub in ("tmp", "new", "cur"):
            durable.make_directory(directory / sub)
            self._check_directory(directory / sub)

    def _put_away_idle(self) -> None:
        idle = [name for name, box in self._boxes.items() if not box.listeners.sessions]
        for name in idle[: -KEPT_LOADED or None]:
            self._boxes.pop(name).put_away()

    def look(self) -> None:
        changed = self._around.watch.changed()
        for name, box in list(self._boxes.items()):
            try:
                box.look(changed)
            except MailError as error:  # the others are all right
                log.warning("mailbox could not be looked through", mailbox=name, reason=error.text)
            if box.gone:
                del self._boxes[name]
                box.stop_watching()

    def changes_fd(self) -> int:
        return self._around.watch.fileno()

    def mailboxes(self) -> list[MailboxInfo]:
        found = self._names()
        names, subscribed = with_parents(found), self._around.files.subscriptions()
        parents = {name.parent for name in names}
        return [
            MailboxInfo(
                name,
                exists=name in found,
                has_children=name in parents,
                subscribed=name in subscribed,
                special_use=self._attributes(name, found[name]) if name in found else frozenset(),
            )
            for name in sorted(names, key=lambda name: name.parts)
        ]

    def _attributes(self, name: MailboxName, directory: Path) -> frozenset[str]:
        """Return a mailbox's special use, from its state file, read again when it changed."""
        if name in self._boxes:
            return self._boxes[name].state.special_use
        try:
            changed = (directory / states.STATE_FILE).stat().st_mtime_ns
        except OSError:
            return frozenset()
        known = self._special_use.get(name)
        if known is None or known[0] != changed:
            state = states.peek(directory)
            known = (changed, state.special_use if state else frozenset())
            self._special_use[name] = known
        return known[1]

    # Mailboxes

    def open(self, name: MailboxName, actor: Actor, *, read_only: bool = False) -> MaildirMailbox:
        return MaildirMailbox(self, self.box(name), actor, read_only)

    def status(self, name: MailboxName, actor: Actor) -> MailboxStatus:
        box = self.box(name)
        self.look()
        box.fill(range(len(box.rows)))
        rows = box.rows
        first_recent = box.listeners.first_recent
        return MailboxStatus(
            messages=len(rows),
            recent=len(rows) - rows.first_above(first_recent - 1),
            unseen=sum(not bits & SEEN_BIT for bits in rows.bits),
            deleted=sum(bits & DELETED_BIT != 0 for bits in rows.bits),
            uid_next=Uid(box.uid_next),
            uid_validity=box.uid_validity,
            highest_mod_seq=ModSeq(box.mod_seq),
            size=sum(rows.sizes),
            mailbox_id=box.mailbox_id,
        )

    def append(
        self, name: MailboxName, messages: Sequence[NewMessage], actor: Actor
    ) -> tuple[Appended, ...]:
        return self.put(self.box(name), messages)

    def put(self, box: Box, messages: Sequence[NewMessage]) -> tuple[Appended, ...]:
        """Add ``messages`` to ``box``, all or none."""
        work = Work(box, messages)
        self._appending.do([work])
        if work.failure is not None:
            raise work.failure
        return work.appended

    def append_all(self, appends: Sequence[Append]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        works: list[Work] = []
        for one in appends:
            works.append(self._work(one))
            if len({work.box for work in works}) == BOXES_AT_ONCE:
                self._appending.do(works)
                outcomes += [work.outcome for work in works]
                works = []
        self._appending.do(works)
        return outcomes + [work.outcome for work in works]

    def _work(self, append: Append) -> Work:
        try:
            return Work(self.box(append.name), append.messages)
        except Exception as error:
            return Work(None, append.messages, error)

    def create(
        self, name: MailboxName, actor: Actor, special_use: frozenset[str] = frozenset()
    ) -> MailboxId:
        directory_name(name)
        existing = self._names()
        if name in existing:
            raise MailboxExists("There is such a mailbox already")
        for missing in sorted(with_parents([name]) - existing.keys(), key=lambda n: n.parts):
            made = self._make(missing, special_use if missing == name else frozenset())
        return made

    def _make(self, name: MailboxName, special_use: frozenset[str] = frozenset()) -> MailboxId:
        """Make a mailbox: its directory appears whole, by one rename."""
        validity = self._around.files.next_uid_validity(self._now())
        staging = self._root / "tmp" / self._around.unique()
        mailbox_id = new_mailbox_id()
        with durable.doing("making a mailbox"):
            for sub in ("tmp", "new", "cur"):
                durable.make_directory(staging / sub)
            durable.write_atomic(staging / "maildirfolder", b"")
            state = states.State(mailbox_id, UidValidity(validity), 0, 1, special_use=special_use)
            states.write_state(staging, state)
            durable.rename(staging, self._directory(name))
            durable.sync_directory(self._root)
        return mailbox_id

    def delete(self, name: MailboxName, actor: Actor) -> None:
        if name.is_inbox:
            raise Permanent("INBOX cannot be deleted")
        box = self.box(name)
        box.remove(box.uids(), actor.session)
        staging = self._root / "tmp" / self._around.unique()
        with durable.doing("deleting a mailbox"):
            durable.rename(box.directory, staging)
            box.mark_gone()
            box.put_away()
            del self._boxes[name]
            durable.sync_directory(self._root)
            shutil.rmtree(staging, ignore_errors=True)

    def rename(self, name: MailboxName, new_name: MailboxName, actor: Actor) -> None:
        directory_name(new_name)
        existing = self._names()
        if new_name in existing:
            raise MailboxExists("There is such a mailbox already")
        if name.is_inbox:
            self._rename_inbox(new_name, actor)
            return
        moved = [n for n in (name, *below(name, existing)) if n in existing]
        if not moved:
            raise NoSuchMailbox("There is no such mailbox")
        if below(name, [new_name]):
            raise Permanent("A mailbox cannot be renamed to a place below itself")
        targets = {n: MailboxName(new_name.parts + n.parts[len(name.parts) :]) for n in moved}
        for target in targets.values():
            directory_name(target)
            if target in existing:
                raise MailboxExists("There is such a mailbox already")
        above = with_parents([new_name]) - existing.keys() - {new_name}
        for missing in sorted(above, key=lambda n: n.parts):
            self._make(missing)
        self._rename_directories(targets)

    def _rename_inbox(self, new_name: MailboxName, actor: Actor) -> None:
        self.create(new_name, actor)
        inbox, target = self.box(INBOX), self.box(new_name)
        if inbox.rows:
            target_pairs = target.add(inbox.moves(inbox.uids()), inbox)
            inbox.moved_away([source for source, _ in target_pairs])

    def _rename_directories(self, targets: dict[MailboxName, MailboxName]) -> None:
        with durable.doing("renaming a mailbox"):
            for old, new in targets.items():
                self._rename_directory(old, new)
            durable.sync_directory(self._root)

    def _rename_directory(self, old: MailboxName, new: MailboxName) -> None:
        """Rename a mailbox, and what is loaded of it."""
        box = self._boxes.pop(old, None)
        if box is None:
            durable.rename(self._directory(old), self._directory(new))
            return
        box.stop_watching()
        now = old
        try:
            durable.rename(self._directory(old), self._directory(new))
            now = new
        finally:
            self._boxes[now] = box
            box.renamed(now, self._directory(now))

    def subscriptions(self) -> list[MailboxName]:
        return sorted(self._around.files.subscriptions(), key=lambda name: name.parts)

    def subscribe(self, name: MailboxName, actor: Actor) -> None:
        directory_name(name)
        names = self._around.files.subscriptions()
        if name not in names:
            self._around.files.subscribe(names | {name})

    def unsubscribe(self, name: MailboxName, actor: Actor) -> None:
        names = self._around.files.subscriptions()
        if name in names:
            self._around.files.subscribe(names - {name})

    # What was removed

    def removed(self) -> list[Removed]:
        with durable.doing("reading what was deleted"):
            return [
                Removed(
                    record.id,
                    MailboxName(tuple(record.mailbox.split("/"))),
                    frozenset(map(Flag, record.flags)),
                    datetime.fromtimestamp(record.internal_date, UTC),
                    datetime.fromtimestamp(record.deleted_at, UTC),
                    record.session,
                )
                for record in self._around.deleted.records()
            ]

    def restore(self, ids: Collection[str], actor: Actor) -> dict[str, MailboxName]:
        deleted = self._around.deleted
        with durable.doing("reading what was deleted"):
            wanted = [record for record in deleted.records() if record.id in ids]
        restored: dict[str, MailboxName] = {}
        for (mailbox_id, text), records in _by_mailbox(wanted).items():
            box = self._box_of(mailbox_id, MailboxName(tuple(text.split("/"))), actor)
            drafts = [box.restored(record) for record in records]
            self.must_fit([draft.wire_size for draft in drafts])
            box.add(drafts)
            with durable.doing("restoring messages"):
                deleted.give_up([record.file for record in records])
            restored |= {record.id: box.name for record in records}
        return restored

    def _box_of(self, mailbox_id: str, name: MailboxName, actor: Actor) -> Box:
        """Return the mailbox of this id, whatever its name is now, else the one of the name."""
        for known, directory in self._names().items():
            state = states.peek(directory)
            if state is not None and state.mailbox_id == mailbox_id:
                return self.box(known)
        if not name.is_inbox and name not in self._names():
            self.create(name, actor)
        return self.box(name)

    def read_removed(self, ids: Collection[str]) -> dict[str, MessageContent]:
        deleted = self._around.deleted
        with durable.doing("reading what was deleted"):
            return {
                record.id: message_file.content_of(
                    message_file.open_file(deleted.directory / record.file), None
                )
                for record in deleted.records()
                if record.id in ids
            }

    def check(self, name: MailboxName) -> Iterator[Progress | Found]:
        return care.check(self.box(name))

    def reindex(self, name: MailboxName) -> Iterator[Progress | Found]:
        return care.reindex(self.box(name))

    def read_texts(self) -> bool:
        full_text = self._around.full_text
        with durable.doing("reading messages"):
            # One after the other: the mailbox that is looked into is at the end.
            return any(full_text.fill(box) for box in reversed(list(self._boxes.values())))

    def tidy(self) -> bool:
        self._appending.close()
        with durable.doing("clearing deleted messages"):
            return self._around.deleted.clear(self._now(), CLEARED_AT_ONCE)

    # Quota

    def quota(self) -> Quota:
        used = self._around.usage
        if used is None:
            used = self._around.usage = self._count()
        octets_limit, messages_limit = self._current_limits()
        return Quota(used[0], octets_limit, used[1], messages_limit)

    def _current_limits(self) -> tuple[int, int]:
        """Return the limits; where the account has none, those that ``maildirsize`` sets."""
        return self._limits if any(self._limits) else maildir_size.read_limits(self._root)

    def _count(self) -> list[int]:
        sizes = messages = 0
        for name in self._names():
            box = self.box(name)
            box.fill(range(len(box.rows)))
            sizes += sum(box.rows.sizes)
            messages += len(box.rows)
        return [sizes, messages]

    def limit(self, octets_limit: int, messages_limit: int) -> None:
        self._limits = (octets_limit, messages_limit)

    def must_fit(self, sizes: Sequence[int], before: Sequence[int] = ()) -> None:
        """Raise ``OverQuota`` where messages of ``sizes`` octets have no room.

        ``before`` are those that are being added already.
        """
        if any(self._current_limits()):
            quota = self.quota()
            octets, messages = quota.octets_used + sum(before), quota.messages_used + len(before)
            replace(quota, octets_used=octets, messages_used=messages).must_fit(sizes)

    def close(self) -> None:
        self._appending.close()
        for box in self._boxes.values():
            box.listeners.sessions.clear()
            box.put_away()
        self._boxes.clear()
        self._around.watch.close()
        self._around.full_text.close()
        self._around.index.close()
        self._lock.close()


def _by_mailbox(records: Iterable[Deleted]) -> dict[tuple[str, str], list[Deleted]]:
    found: dict[tuple[str, str], list[Deleted]] = {}
    for record in records:
        found.setdefault((record.mailbox_id, record.mailbox), []).append(record)
    return found


def _is_trusted(status: os.stat_result) -> bool:
    """Whether the owner (this process), or root, made it."""
    return status.st_uid in (os.geteuid(), 0)


def open_store(
    owner: AccountId,
    home: Path,
    settings: MailboxSettings,
    *,
    octets_limit: int = 0,
    messages_limit: int = 0,
    now: Callable[[], float] = time.time,
    follow_links: bool = False,
) -> MaildirStore:
    """Open an owner's mailboxes (see ``MaildirStore``)."""
    return MaildirStore(
        owner,
        home,
        settings.home_mailbox,
        undelete_for=settings.undelete_for,
        full_text=settings.full_text,
        octets_limit=octets_limit,
        messages_limit=messages_limit,
        now=now,
        follow_links=follow_links,
    )
