# SPDX-License-Identifier: MIT
"""What ``homemail mailbox`` does to an owner's mailboxes, whether or not a server runs.

Each job gives events, which go to whoever asked for it: as they are, or as JSON through the control
socket. Every step is taken in the owner's lane, with others between.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict

from homemail.errors import MailError, Permanent
from homemail.message.header import read_fields, split_message
from homemail.message.words import decode_words
from homemail.model.mailbox import MailboxName
from homemail.model.message import MessageContent
from homemail.store.api import Actor, Found, Progress, Removed
from homemail.store.lane import OwnerMail

Event = dict[str, object]
"""``mailbox``, ``progress`` (done, total), ``found`` (text, mended), ``removed``, ``more`` (not
shown), ``restored`` (mailboxes by id) or ``failed`` (text)."""

_AT_ONCE = 100
_SHOWN = 64 * 1024  # octets of a header that are read for From and Subject


async def care(mail: OwnerMail, job: str, options: Mapping[str, object]) -> AsyncIterator[Event]:
    """Do ``check``, ``reindex``, ``removed`` or ``restore``; a failure is the last event."""
    try:
        if job in ("check", "reindex"):
            async for event in _through(mail, job, str(options.get("mailbox") or "")):
                yield event
        elif job == "removed":
            async for event in _removed(mail, options):
                yield event
        elif job == "restore":
            ids = await _wanted(mail, options)
            actor = Actor(mail.store.owner, "homemail mailbox undelete")
            for start in range(0, len(ids), _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                restored = await mail.change(mail.store.restore, some, actor)
                yield {"restored": {id: str(name) for id, name in restored.items()}}
                yield {"progress": [start + len(some), len(ids)]}
        else:
            yield {"failed": f"there is no job {job}"}
    except MailError as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        yield {"failed": error.text + cause}


async def _through(mail: OwnerMail, job: str, mailbox: str) -> AsyncIterator[Event]:
    infos = await mail.change(mail.store.mailboxes)
    names = [info.name for info in infos if info.exists]
    if mailbox:
        name = _parsed(mailbox)
        if name not in names:
            raise Permanent(f"there is no mailbox {mailbox}")
        names = [name]
    for name in names:
        yield {"mailbox": str(name)}
        act = mail.store.check if job == "check" else mail.store.reindex
        steps: Iterator[Progress | Found] = await mail.change(act, name)
        while (step := await mail.change(next, steps, None)) is not None:
            if isinstance(step, Progress):
                yield {"progress": [step.done, step.total]}
            else:
                yield {"found": asdict(step)}


def _parsed(text: str) -> MailboxName:
    try:
        return MailboxName.parse(text)
    except ValueError as error:
        raise Permanent(f"there is no mailbox {text} ({error})") from None


async def _chosen(mail: OwnerMail, options: Mapping[str, object]) -> Sequence[Removed]:
    """Return what was removed and is asked for, the newest first."""
    removed = await mail.change(mail.store.removed)
    mailbox, since = str(options.get("mailbox") or ""), options.get("since")
    if mailbox:
        removed = [one for one in removed if one.mailbox == _parsed(mailbox)]
    if isinstance(since, int | float):
        removed = [one for one in removed if one.removed_at.timestamp() >= since]
    return sorted(removed, key=lambda one: one.removed_at)[::-1]


async def _removed(mail: OwnerMail, options: Mapping[str, object]) -> AsyncIterator[Event]:
    chosen = await _chosen(mail, options)
    limit = options.get("limit")
    shown = chosen[:limit] if isinstance(limit, int) and limit > 0 else chosen
    for start in range(0, len(shown), _AT_ONCE):
        some = shown[start : start + _AT_ONCE]
        contents = await mail.change(mail.store.read_removed, {one.id for one in some})
        for one in some:
            yield {"removed": _facts(one, contents.get(one.id))}
    if len(shown) < len(chosen):
        yield {"more": len(chosen) - len(shown)}


def _facts(one: Removed, content: MessageContent | None) -> Event:
    header = b""
    if content is not None:
        with content.open() as reader:
            header = reader.read(_SHOWN)
    fields = read_fields(header[: split_message(header)])
    return {
        "id": one.id,
        "removed_at": one.removed_at.timestamp(),
        "mailbox": str(one.mailbox),
        "internal_date": one.internal_date.timestamp(),
        "flags": sorted(one.flags),
        "session": one.session,
        "from": _text(fields, b"from"),
        "subject": _text(fields, b"subject"),
    }


def _text(fields: Mapping[bytes, Sequence[bytes]], name: bytes) -> str:
    return decode_words(fields[name][0]).strip() if fields.get(name) else ""


async def _wanted(mail: OwnerMail, options: Mapping[str, object]) -> Sequence[str]:
    """Return the ids to restore: those that are named, else all that are chosen."""
    chosen = [one.id for one in await _chosen(mail, options)]
    ids = options.get("ids")
    if not isinstance(ids, list) or not ids:
        return chosen
    for id in ids:
        if id not in chosen:
            raise Permanent(f"nothing removed is called {id}")
    return [id for id in chosen if id in ids]
