# SPDX-License-Identifier: MIT
"""Mail to ``user+list-request``: joining and leaving a list, each confirmed by mail.

Nothing is remembered between the two mails: the word to confirm with is made of the list, the
address, the day and a secret of the owner's (``~/.homemail/ledger/lists.key``), and holds for three
days. People who join are written into the list's first ``:include:`` file in the home, else into
the forwarding file itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from pathlib import Path

from homemail import durable
from homemail.errors import Refused
from homemail.mda.compose import Occasion, list_answer
from homemail.mda.forward import Include, parse_forward
from homemail.mda.ledger import DIRECTORY, Ledger, digest
from homemail.mda.list_file import members, with_member, without_member
from homemail.mda.mailing_list import MailingList
from homemail.mda.owner import Job, Owner, header_of, log, send_notice
from homemail.mda.owner_file import OwnerFile, read_owner_file
from homemail.mda.owner_note import Note, tell_owner
from homemail.mda.targets import ListRequest, file_path
from homemail.mda.vacation import reason_not_to_answer
from homemail.message.address_list import parse_addresses
from homemail.message.header import read_fields
from homemail.model.address import Address
from homemail.model.delivery import Delivered, DeliveryResult
from homemail.model.envelope import new_trace
from homemail.sieve import ContentView

_JOIN, _LEAVE = "subscribe", "unsubscribe"
_WORDS = {_JOIN: _JOIN, "join": _JOIN, _LEAVE: _LEAVE, "leave": _LEAVE, "signoff": _LEAVE}
_CONFIRM = re.compile(r"\bconfirm (subscribe|unsubscribe) ([0-9]{6})-([0-9a-f]{32})\b")
_PLAIN_LOCAL_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+='-]*")
_DAY = 86_400
_DAYS_TO_CONFIRM = 3
_PAUSE = 3600.0  # between two answers to the same person


class ListRequests:
    """Answers the request addresses of one owner's lists."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    async def deliver(self, job: Job, request: ListRequest) -> DeliveryResult:
        """Do what the message asks for, and tell who wrote it.

        Raises:
            Temporary: not now; bring it again.
        """
        mailing_list = request.mailing_list
        header = header_of(job)
        reverse_path = job.delivery.envelope.reverse_path
        reason = reason_not_to_answer(header, reverse_path, [str(mailing_list.request)])
        writer = _writer(header)
        if writer in (mailing_list.post, mailing_list.request):
            reason = "written by the list itself"
        if reason is not None or writer is None:
            log.info("list request passed over", trace=job.trace, reason=reason or "no From")
            return Delivered("list request passed over")
        if "request" not in job.done:
            subject, text = await self._owner.mail.change(self._act, job, request, writer)
            await self._answer(job, mailing_list, writer, subject, text)
            job.done["request"] = None
        return Delivered("list request answered")

    def _act(self, job: Job, request: ListRequest, writer: Address) -> tuple[str, str]:
        """Return subject and text of the answer; called in the owner's lane."""
        mailing_list = request.mailing_list
        text = _asked(job)
        if found := _CONFIRM.search(text):
            if not self._is_confirmed(mailing_list, writer, *found.groups()):
                return f"{mailing_list.name}: not confirmed", _NOT_CONFIRMED.format(writer)
            return self._change(job, request, writer, found[1])
        word = re.sub(r"^(?:\s*(?:re|aw|fwd?):)+", "", text, flags=re.IGNORECASE).split()
        wanted = _WORDS.get(word[0].lower()) if word else None
        if wanted is None or not _PLAIN_LOCAL_PART.fullmatch(writer.local_part):
            return f"{mailing_list.name}: help", _HELP.format(
                post=mailing_list.post, request=mailing_list.request, owner=mailing_list.owner
            )
        token = self._token(mailing_list, writer, wanted, self._today())
        subject = f"confirm {wanted} {token}"
        return subject, _PLEASE_CONFIRM.format(action=wanted, post=mailing_list.post, writer=writer)

    async def _answer(
        self, job: Job, mailing_list: MailingList, to: Address, subject: str, text: str
    ) -> None:
        owner = self._owner
        memory, key = Ledger(owner.home, "lists"), digest((mailing_list.id, str(to).lower(), text))
        now = owner.now()
        if not await owner.mail.change(memory.claim, key, now.timestamp(), _PAUSE):
            log.info("list request answered already", trace=job.trace, to=to)
            return
        about = Occasion(mailing_list.request, to, header_of(job), now, new_trace())
        try:
            await send_notice(owner, job, (to,), list_answer(about, subject, text))
        except Exception:
            await owner.mail.change(memory.forget, key)
            raise

    def _change(
        self, job: Job, request: ListRequest, writer: Address, action: str
    ) -> tuple[str, str]:
        mailing_list = request.mailing_list
        path, file = self._people(request)
        text = file.octets.decode("utf-8", "surrogateescape")
        domain = str(mailing_list.post.domain)
        is_member = str(writer).lower() in members(text, domain)
        if is_member is (action == _JOIN):
            state = "are on" if is_member else "are not on"
            return f"{mailing_list.name}: nothing to do", f"You {state} {mailing_list.post}.\n"
        new = with_member(text, writer) if action == _JOIN else without_member(text, writer, domain)
        mode = path.stat().st_mode & 0o777
        durable.write_atomic(path, new.encode("utf-8", "surrogateescape"), mode=mode)
        did = "joined" if action == _JOIN else "left"
        log.info("list changed", trace=job.trace, file=path, address=writer, did=did)
        told = f"{writer} has {did} your list {mailing_list.post}.\n"
        key = (path.name, str(writer), did, job.delivery.id)
        tell_owner(
            self._owner, job, Note(f"{mailing_list.name}: {writer} {did}", told, key, _PAUSE)
        )
        return f"{mailing_list.name}: you have {did}", f"You have {did} {mailing_list.post}.\n"

    def _people(self, request: ListRequest) -> tuple[Path, OwnerFile]:
        """Return the file that people are written into.

        Raises:
            Refused: it cannot be used any more.
            Temporary: it cannot be read now.
        """
        owner = self._owner
        file = read_owner_file(request.path, owner.uid)
        if file is None:
            raise Refused("The list is closed")
        text = file.octets.decode("utf-8", "surrogateescape")
        for target in parse_forward(text, str(request.mailing_list.post.domain)):
            if not isinstance(target, Include):
                continue
            path = file_path(owner, target.path)
            if path.is_relative_to(owner.home) and ".." not in path.parts and path.parent.is_dir():
                included = read_owner_file(path, owner.uid)
                if included is not None:
                    return path, included
        return request.path, file

    def _today(self) -> int:
        return int(self._owner.now().timestamp()) // _DAY

    def _is_confirmed(
        self, mailing_list: MailingList, writer: Address, action: str, day: str, mark: str
    ) -> bool:
        if not 0 <= self._today() - int(day) <= _DAYS_TO_CONFIRM:
            return False
        expected = self._token(mailing_list, writer, action, int(day))
        return hmac.compare_digest(expected, f"{day}-{mark}")

    def _token(self, mailing_list: MailingList, writer: Address, action: str, day: int) -> str:
        words = "\0".join((mailing_list.id, str(writer).lower(), action, str(day)))
        mark = hmac.new(self._secret(), words.encode(), hashlib.sha256).hexdigest()[:32]
        return f"{day:06}-{mark}"

    def _secret(self) -> bytes:
        path = self._owner.home.joinpath(*DIRECTORY, "lists.key")
        durable.make_directory(path.parent)
        file = read_owner_file(path, self._owner.uid)
        if file is None or len(file.octets) < 32:
            durable.write_atomic(path, secrets.token_bytes(32))
            file = read_owner_file(path, self._owner.uid)
        if file is None:
            raise Refused("The list is closed")
        return file.octets


def _writer(header: bytes) -> Address | None:
    """Return the address in From, where answers go."""
    for body in read_fields(header).get(b"from", ())[:1]:
        for entry in parse_addresses(body):
            if entry.mailbox and entry.host:
                text = b"@".join((entry.mailbox, entry.host)).decode("utf-8", "replace")
                try:
                    return Address.parse(text)
                except ValueError:
                    return None
    return None


def _asked(job: Job) -> str:
    """Return the subject, or the first line of the text where that is empty."""
    view = ContentView(job.content)
    subject = " ".join(view.fields("subject")).strip()
    if subject:
        return subject
    texts = view.body_parts(("text",))
    lines = (line.strip() for text in texts[:1] for line in text[:2000].splitlines())
    return next((line for line in lines if line), "")


_HELP = """\
This is the list {post}.

To join it, write to {request} with the subject: subscribe
To leave it, write to {request} with the subject: unsubscribe

The person who keeps the list is {owner}.
"""
_PLEASE_CONFIRM = """\
Somebody, most likely you, asks to {action} {writer} at the list {post}.

To confirm that, just answer this mail and leave its subject as it is.
If it was not you, do nothing.
"""
_NOT_CONFIRMED = """\
What you sent does not confirm anything for {}: it is older than three days,
or was meant for another address. Please ask again.
"""
