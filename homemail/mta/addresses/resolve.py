# SPDX-License-Identifier: MIT
"""What one RCPT becomes: rewritten, expanded, each part with its route.

The order: ``canonical`` once; then ``virtual`` aliases and, where the domain is in
``mydestination``, ``aliases``, and both again with what they gave, until no table has anything. An
address that an entry names among its own targets is final, so ``alice: alice, bob`` keeps a copy.
What was met before is not expanded again: a circle of aliases ends, and where nothing but the
circle is left the address is refused as a loop (5.4.6).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import assert_never

from homemail.auth.api import Account
from homemail.config.local import LocalSettings
from homemail.errors import TableUnavailable
from homemail.log import Log
from homemail.lookup.api import Found, fold
from homemail.mda.forward import (
    Include,
    Target,
    ToAddress,
    ToCommand,
    ToFile,
    Unreadable,
    parse_forward,
)
from homemail.message.address_list import parse_addresses
from homemail.model.address import Address, Domain, ReversePath
from homemail.model.envelope import OriginalRecipient, Recipient
from homemail.model.reply import Reply
from homemail.mta.addresses.complete import Defaults, complete
from homemail.mta.addresses.keys import Match, find_address, plain, split_detail
from homemail.mta.addresses.luser import luser_address
from homemail.mta.addresses.rewrite import Rewriter
from homemail.mta.addresses.steps import Note, Step, silent
from homemail.mta.api import Accepted, AliasTarget, Relay, Route, RouteRefused
from homemail.mta.route import DomainKind, Router, temporary, unknown

DEEPEST = 100
"""Aliases of aliases of aliases; a table of patterns could go on for ever."""
LARGEST_LIST = 10_000
"""Addresses in one list file."""

ReadList = Callable[[str], Awaitable[str]]
"""The text of a list file; raises ``Temporary``."""

log = Log("rewrite")


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one RCPT becomes. ``route`` is what policy is shown: of the address as it was said."""

    route: Route
    accepted: tuple[Accepted, ...] = ()

    @property
    def refusal(self) -> Reply | None:
        """Why the RCPT cannot be accepted, whatever policy says."""
        whole = _as_whole(self.accepted) if self.accepted else self.route
        return whole.reply if isinstance(whole, RouteRefused) else None


class _TooMany(Exception):
    """An address stands for more than is allowed."""


@dataclass(slots=True)
class _Work:
    """One expansion. ``read_list``: lists are opened now, not left for the queue."""

    recipient: Recipient
    limit: int
    note: Note
    read_list: ReadList | None = None
    seen: set[str] = field(default_factory=set)
    path: list[str] = field(default_factory=list)
    final: dict[tuple[str, str], Recipient] = field(default_factory=dict)
    has_loop: bool = False
    misuse: str = ""

    def add(self, address: Address, target: str = "") -> None:
        """Take in one recipient, once."""
        recipient = self.recipient
        original = recipient.original
        if original is None and (target or address != recipient.forward_path):
            kind = "rfc822" if recipient.forward_path.is_ascii else "utf-8"
            original = OriginalRecipient(kind, str(recipient.forward_path))
        key = (fold(plain(address)), target)
        self.final.setdefault(
            key, replace(recipient, forward_path=address, original=original, target=target)
        )
        if len(self.final) > self.limit:
            raise _TooMany


class Addressing:
    """Rewriting and expansion, with everything they ask."""

    def __init__(self, router: Router, local: LocalSettings | None = None) -> None:
        settings = router.settings
        self.router = router
        self._local = local or LocalSettings()
        self._settings = settings
        self._tables = router.tables
        self.defaults = Defaults(
            router.origin,
            router.mydomain,
            settings.append_at_myorigin,
            router.mydomain.name if settings.append_dot_mydomain else "",
            settings.swap_bangpath,
            settings.allow_percent_hack,
        )
        self.rewriter = Rewriter(
            settings, router.tables, self.defaults, router.is_ours, router.delimiters
        )

    def is_local(self, domain: Domain) -> bool:
        """Whether mail for this domain ends here, in an account or by an alias."""
        return self.router.is_local(domain)

    def is_own_address(self, address: str) -> bool:
        """Whether this is an IP address that we listen on."""
        return self.router.is_own_address(address)

    async def owner(self, address: Address) -> Account | None:
        """Return the account that ``address`` is one of; raises ``TableUnavailable``."""
        return await self.router.owner(address)

    async def route(self, address: Address) -> Route:
        """Return where mail for ``address`` goes, as policy sees it: refused, or who it is for."""
        return (await self.resolve(Recipient(address), None)).route

    async def resolve(
        self, recipient: Recipient, sender: ReversePath, note: Note = silent
    ) -> Resolved:
        """Return what a RCPT becomes. Nothing is raised: a table that cannot tell is a 451."""
        said = recipient.forward_path
        try:
            kind = await self.router.kind(said.domain, note)
            address = await self.rewriter.recipient(said, note)
            accepted = await self.expand(recipient, address, sender, note)
            if kind is DomainKind.ELSEWHERE:
                return Resolved(Relay(self.router.next_hop(said.domain)), accepted)
            refusal = await self._unlisted(said, address, kind, note)
        except TableUnavailable:
            return Resolved(temporary(said))
        route = refusal or _as_whole(accepted)
        return Resolved(route, () if isinstance(route, RouteRefused) else accepted)

    async def expand(
        self,
        recipient: Recipient,
        address: Address,
        sender: ReversePath,
        note: Note = silent,
    ) -> tuple[Accepted, ...]:
        """Return what ``address`` stands for, as parts of ``recipient``.

        Raises:
            TableUnavailable: a table cannot be asked.
        """
        work = _Work(recipient, self._settings.virtual_alias_expansion_limit, note)
        with_owner = sender is not None
        return await self._run(work, self._expand(address, work, with_owner=with_owner), sender)

    async def open_list(
        self,
        recipient: Recipient,
        sender: ReversePath,
        read_list: ReadList,
        note: Note = silent,
    ) -> tuple[ReversePath, tuple[Accepted, ...]]:
        """Return the sender and the members of the list that ``recipient.target`` names.

        The null sender stays: nobody is told of a notification that failed.

        Raises:
            Temporary: a table or a list file cannot be read.
        """
        address = recipient.forward_path
        work = _Work(recipient, LARGEST_LIST, note, read_list)
        if recipient.target.startswith(":include:"):
            include = self._targets(recipient.target, address, work, "include")
            return sender, await self._run(work, include, sender)
        owner = None if sender is None else await self._owner(address)
        members = self._expand(address, work, with_owner=False)
        return owner or sender, await self._run(work, members, owner or sender)

    async def _run(
        self, work: _Work, expansion: Awaitable[object], sender: ReversePath
    ) -> tuple[Accepted, ...]:
        said = work.recipient
        try:
            await expansion
        except _TooMany:
            log.error("too many recipients by one alias", address=said.forward_path)
            text = f"<{said.forward_path}>: alias expansion error: too many addresses"
            return (Accepted(said, RouteRefused(Reply(451, "4.6.0", text))),)
        if work.has_loop:
            log.warning("aliases lead back to themselves", address=said.forward_path)
        if not work.final:
            return (Accepted(said, RouteRefused(_nothing(said.forward_path, work))),)
        return tuple([await self._routed(one, sender, work.note) for one in work.final.values()])

    async def _routed(self, recipient: Recipient, sender: ReversePath, note: Note) -> Accepted:
        if recipient.target:
            return Accepted(recipient, AliasTarget(recipient.target))
        return Accepted(recipient, await self.router.route(recipient.forward_path, sender, note))

    async def _expand(self, address: Address, work: _Work, *, with_owner: bool = True) -> None:
        key = fold(plain(address))
        if key in work.path or len(work.path) >= DEEPEST:
            work.has_loop = True
        if key in work.seen or len(work.path) >= DEEPEST:
            return
        work.seen.add(key)
        work.path.append(key)
        try:
            if await self._virtual(address, work):
                return
            if self.router.is_local(address.domain) and await self._alias(
                address, work, with_owner=with_owner
            ):
                return
            if await self._luser(address, work):
                return
            work.add(address)
        finally:
            work.path.pop()

    async def _luser(self, address: Address, work: _Work) -> bool:
        """Go on with ``luser_relay`` where nobody here has the address; whether that was so."""
        setting = self._settings.luser_relay.strip()
        if not setting or not self.router.is_local(address.domain):
            return False
        route = await self.router.route(address)
        if not isinstance(route, RouteRefused) or route.reply.status != "5.1.1":
            return False
        target = luser_address(setting, address, self.router.delimiters, self.router.mydomain)
        if target is None or fold(plain(target)) == fold(plain(address)):
            return False
        work.note(Step("luser_relay", plain(address), plain(target)))
        await self._expand(target, work)
        return True

    async def _virtual(self, address: Address, work: _Work) -> bool:
        """Expand by ``virtual_alias_maps``; whether that was the end of ``address`` itself."""
        match = await find_address(
            self._tables.virtual_alias_maps,
            address,
            is_ours=self.router.is_ours(address.domain),
            delimiters=self.router.delimiters,
        )
        if match is None:
            return False
        work.note(Step("virtual_alias_maps", plain(address), match.value, match.value.where))
        stays = False
        for target in self._addresses(match, address):
            if fold(plain(target)) == fold(plain(address)):
                stays = True
            else:
                await self._expand(target, work)
        return not stays

    def _addresses(self, match: Match, address: Address) -> list[Address]:
        """Return the addresses of a virtual alias, with the extension that its key was without."""
        found = []
        for text in _listed(match.value):
            try:
                if text.startswith("@"):
                    found.append(
                        Address(address.local_part, complete(f"x{text}", self.defaults).domain)
                    )
                    continue
                target = complete(text, self.defaults)
            except ValueError as error:
                log.error("no address in a table", at=match.value.where, value=text, why=error)
                continue
            found.append(replace(target, local_part=target.local_part + match.extension))
        if not found:
            raise TableUnavailable("A table has no address where one is expected")
        return found

    async def _alias(self, address: Address, work: _Work, *, with_owner: bool) -> bool:
        """Expand by ``alias_maps``; whether that was the end of ``address`` itself."""
        found = await self._find_alias(address.local_part)
        if found is None:
            return False
        work.note(Step("alias_maps", plain(address), found, found.where))
        if with_owner and await self._owner(address) is not None:
            work.add(address, ":alias:")
            return True
        return await self._targets(found, address, work, "alias")

    async def _find_alias(self, local_part: str) -> Found | None:
        """Return the entry of ``user+ext``, else of ``user``."""
        maps = self._tables.alias_maps
        found = await maps.lookup(local_part)
        parted = split_detail(local_part, self.router.delimiters)
        if found is None and parted is not None:
            found = await maps.lookup(parted[0])
        return found

    async def _owner(self, address: Address) -> Address | None:
        """Return who gets the failures of the list that ``address`` is."""
        name = address.local_part
        if name.lower().startswith("owner-"):
            return None
        owner = replace(address, local_part=f"owner-{name}")
        return owner if await self._tables.alias_maps.lookup(owner.local_part) else None

    async def _targets(self, text: str, address: Address, work: _Work, context: str) -> bool:
        """Expand the right side of an alias, or a list file; whether ``address`` is not in it."""
        stays = False
        trusted = not isinstance(text, Found) or text.trusted
        most = (
            LARGEST_LIST if context == "include" else self._settings.virtual_alias_expansion_limit
        )
        parse = parse_forward if context == "include" else _parsed
        targets = parse(text, str(address.domain), most)
        if len(targets) > most:
            raise _TooMany
        for target in targets:
            if isinstance(target, ToAddress):
                own = fold(plain(target.address)) == fold(plain(address))
                stays = stays or (own and context == "alias")
                if not own:
                    await self._expand(target.address, work)
                continue
            refusal = self._refusal(target, context, trusted)
            if refusal:
                work.misuse = refusal
                log.error("target of an alias passed over", address=address, why=refusal)
                continue
            await self._special(target, address, work)
        return not stays

    def _refusal(self, target: Target, context: str, trusted: bool) -> str:
        """Return why a target may not be used, or an empty text."""
        match target:
            case Unreadable(_, words):
                return words
            case _ if not trusted:
                return "others may write to this table, or a key is part of its value"
            case ToCommand() if context not in self._local.allow_mail_to_commands:
                return "programs are not allowed here"
            case ToFile() if context not in self._local.allow_mail_to_files:
                return "files are not allowed here"
            case ToFile(path) if not path.startswith("/"):
                return f"{path}: not a whole path"
            case Include(path) if not path.startswith("/"):
                return f":include:{path}: not a whole path"
            case _:
                return ""

    async def _special(self, target: Target, address: Address, work: _Work) -> None:
        match target:
            case ToCommand(command):
                work.add(address, f"|{command}")
            case ToFile(path):
                work.add(address, path)
            case Include(path):
                await self._include(path, address, work)
            case ToAddress() | Unreadable():
                pass
            case _:
                assert_never(target)

    async def _include(self, path: str, address: Address, work: _Work) -> None:
        key = f":include:{path}"
        if work.read_list is None:
            work.add(address, key)
        elif key not in work.seen:
            work.seen.add(key)
            await self._targets(await work.read_list(path), address, work, "include")

    async def _unlisted(
        self, said: Address, address: Address, kind: DomainKind, note: Note
    ) -> RouteRefused | None:
        """Return the refusal of an address that the settings' lists of recipients lack."""
        maps, where = {
            DomainKind.LOCAL: (self._tables.local_recipient_maps, " in local recipient table"),
            DomainKind.RELAY: (self._tables.relay_recipient_maps, " in relay recipient table"),
        }.get(kind, (None, ""))
        if not maps:
            return None
        for candidate in dict.fromkeys((said, address)):
            match = await find_address(
                maps,
                candidate,
                is_ours=self.router.is_ours(candidate.domain),
                delimiters=self.router.delimiters,
            )
            if match is not None:
                note(Step(maps.parameter, plain(candidate), "listed", match.value.where))
                return None
        note(Step(maps.parameter, plain(said), "not listed"))
        return unknown(said, where)


_parsed = lru_cache(512)(parse_forward)  # the same few aliases are asked for all day


def _listed(value: str) -> list[str]:
    """Return the addresses in the value of a virtual alias; blanks part them as commas do."""
    texts = []
    for entry in parse_addresses(", ".join(_words(value)).encode("utf-8", "replace")):
        local, host = entry.mailbox or b"", entry.host
        if host is None or not (local or host):
            continue
        text = local.decode("utf-8", "replace")
        texts.append(f"{text}@{host.decode('utf-8', 'replace')}" if host else text)
    return texts


def _words(value: str) -> list[str]:
    if '"' in value:  # a quoted local part may hold blanks and commas
        return [value]
    return [word for word in value.replace(",", " ").split() if word]


def _nothing(address: Address, work: _Work) -> Reply:
    """Return the reply where an expansion ended with nobody."""
    if work.has_loop:
        return Reply(554, "5.4.6", f"<{address}>: mail forwarding loop: its aliases lead to itself")
    if work.misuse:
        return Reply(451, "4.3.5", f"<{address}>: Local configuration error")
    return Reply(451, "4.3.5", f"<{address}>: its alias names nobody")


def _as_whole(accepted: Sequence[Accepted]) -> Route:
    """Return what policy is shown of an address of ours: refused only where every part is.

    One that cannot be told now makes all of it wait: the client will ask again.
    """
    routes = [one.route for one in accepted]
    refused = [route for route in routes if isinstance(route, RouteRefused)]
    later = [route for route in refused if route.reply.temporary]
    if later or len(refused) == len(routes):
        return (later or refused)[0]
    first = next(route for route in routes if not isinstance(route, RouteRefused))
    return replace(first, invited=True) if isinstance(first, Relay) else first
