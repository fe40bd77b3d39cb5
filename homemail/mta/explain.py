# SPDX-License-Identifier: MIT
"""What would become of a message, step by step, without one: for ``homemail explain``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from homemail.auth.api import Accounts
from homemail.errors import TableUnavailable, Temporary
from homemail.model.address import ReversePath
from homemail.model.envelope import Recipient
from homemail.model.session import Peer
from homemail.mta.addresses.complete import complete
from homemail.mta.addresses.keys import plain
from homemail.mta.addresses.resolve import Addressing, ReadList, Resolved
from homemail.mta.addresses.steps import Step
from homemail.mta.api import Accepted, AliasTarget, Local, Relay, RouteRefused
from homemail.mta.policy.check import Facilities, SmtpContext
from homemail.mta.policy.client_host import ClientHost
from homemail.mta.policy.restrictions import Restrictions

NULL_SENDER = "<>"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one recipient. ``good``: mail gets somewhere."""

    recipient: str
    what: str
    good: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """``verdict`` is what the client hears at RCPT; ``check`` is what decided on a refusal."""

    sender: str
    recipient: str
    client: str
    steps: tuple[Step, ...]
    verdict: str
    check: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Explainer:
    """Asks what a server with these parts would ask at MAIL and RCPT."""

    addressing: Addressing
    accounts: Accounts
    restrictions: Restrictions
    facilities: Facilities
    read_list: ReadList

    async def explain(self, recipient: str, sender: str, client: str) -> Explanation:
        """Return what would become of mail from ``sender`` for ``recipient``.

        Raises:
            ValueError: one of them cannot be an address.
        """
        steps: list[Step] = []
        defaults = self.addressing.defaults
        reverse_path: ReversePath = None
        if sender not in ("", NULL_SENDER):
            reverse_path = complete(sender, defaults)
        forward_path = complete(recipient, defaults)
        if plain(forward_path) != recipient and "@" not in recipient:
            steps.append(Step("append_at_myorigin", recipient, plain(forward_path)))
        try:
            rewritten = await self.addressing.rewriter.sender(reverse_path, steps.append)
        except TableUnavailable:
            rewritten = reverse_path
            steps.append(Step("sender", sender, "a table cannot be asked: MAIL gets a 451"))
        said = Recipient(forward_path)
        resolved = await self.addressing.resolve(said, rewritten, steps.append)
        verdict, check = await self._verdict(said, resolved, reverse_path, client)
        accepted = resolved.accepted if not check else ()
        outcomes = [out for one in accepted for out in await self._outcomes(one, rewritten, steps)]
        return Explanation(
            plain(reverse_path) if reverse_path else NULL_SENDER,
            plain(forward_path),
            client,
            tuple(dict.fromkeys(steps)),
            verdict,
            check,
            tuple(outcomes),
        )

    async def _verdict(
        self, recipient: Recipient, resolved: Resolved, sender: ReversePath, client: str
    ) -> tuple[str, str]:
        """Return the reply to RCPT, and what decided where it is a refusal."""
        peer = Peer(client, 0)
        context = SmtpContext(
            peer,
            client if ":" not in client else "localhost",
            None,
            sender,
            recipient,
            resolved.route,
            self.restrictions.mynetworks,
            self.facilities,
            ClientHost(peer, self.facilities.resolver),
        )
        ruling = await self.restrictions.at_rcpt(context)
        if ruling.refusal is not None:
            return str(ruling.refusal.decision.reply), ruling.refusal.check
        if resolved.refusal is not None:
            return str(resolved.refusal), "route"
        return "250 2.1.5 Ok", ""

    async def _outcomes(
        self, accepted: Accepted, sender: ReversePath, steps: list[Step]
    ) -> list[Outcome]:
        """Return what becomes of a recipient, and of the members where it is a list."""
        outcomes = [await self._outcome(accepted)]
        if isinstance(accepted.route, AliasTarget) and accepted.route.is_list:
            try:
                _, members = await self.addressing.open_list(
                    accepted.recipient, sender, self.read_list, steps.append
                )
            except Temporary as error:
                return [Outcome(plain(accepted.recipient.forward_path), error.text, False)]
            outcomes += [await self._outcome(one) for one in members]
        return outcomes

    async def _outcome(self, accepted: Accepted) -> Outcome:
        address = plain(accepted.recipient.forward_path)
        match accepted.route:
            case Local(account_id, detail, _):
                account = await self.accounts.find(account_id)
                home = f", {account.home}" if account else ""
                more = f", extension {detail}" if detail else ""
                return Outcome(address, f"the mailbox of {account_id}{home}{more}", True)
            case Relay(next_hop):
                return Outcome(address, f"to the next hop {next_hop}", True)
            case RouteRefused(reply):
                return Outcome(address, f"the sender is told: {reply}", False)
            case AliasTarget() as target:
                return Outcome(address, _named(target), True)
            case other:
                assert_never(other)


def _named(route: AliasTarget) -> str:
    target = route.target
    if target.startswith("|"):
        return f"the program {target[1:]}"
    if target.startswith(":include:"):
        return f"everybody in the list {target.removeprefix(':include:')}"
    if route.is_list:
        return "everybody in this alias, with its owner as the sender"
    return f"the file {target}"


def lines(explanation: Explanation) -> Iterator[str]:
    """Yield the explanation as a person reads it."""
    yield f"from <{explanation.sender.strip('<>')}> by {explanation.client}"
    yield f"to   <{explanation.recipient}>"
    yield ""
    for step in explanation.steps:
        where = f"  [{step.where}]" if step.where not in ("", step.what) else ""
        yield f"  {step.what}: {step.before} -> {step.after}{where}"
    decided = f"  [{explanation.check}]" if explanation.check else ""
    yield f"  RCPT: {explanation.verdict}{decided}"
    if explanation.outcomes:
        yield ""
    for outcome in explanation.outcomes:
        yield f"{outcome.recipient}: {outcome.what}"
