# SPDX-License-Identifier: MIT
"""When an entry is tried again, when it is given up, who must be told. Decisions without IO.

All times are ``LineTime``: seconds of the line's clock, not of the wall's.
"""

from __future__ import annotations

from homemail.config.queue import QueueSettings
from homemail.model.envelope import Notify
from homemail.model.queue import LineTime, QueuedRecipient, QueueEntry, RecipientStatus

_SUCCESSES = (RecipientStatus.DELIVERED, RecipientStatus.RELAYED, RecipientStatus.EXPANDED)


def next_attempt(age: LineTime, now: LineTime, settings: QueueSettings) -> LineTime:
    """Return when to try again: the wait is as long as the message is old, within limits.

    Source: RFC 5321 §4.5.4.1.
    """
    wait = min(max(age, settings.minimal_backoff_time), settings.maximal_backoff_time)
    return LineTime(now + wait)


def is_too_old(entry: QueueEntry, settings: QueueSettings) -> bool:
    """Whether the message has waited long enough (a null reverse-path has its own limit)."""
    if entry.envelope.reverse_path is None:
        return entry.age >= settings.bounce_queue_lifetime
    return entry.age >= settings.maximal_queue_lifetime


def owed(entry: QueueEntry, settings: QueueSettings | None = None) -> Notify:
    """Return the notifications that the sender should have and has not got.

    Delays are looked at only with ``settings``. A null reverse-path is never told.

    Source: RFC 3461 §4.1.
    """
    kinds = Notify.NEVER
    if entry.envelope.reverse_path is None:
        return kinds
    for queued in entry.recipients:
        kinds |= _owed_for(queued)
        if settings is not None and is_delayed(entry, queued, settings):
            kinds |= Notify.DELAY
    return kinds


def owed_recipients(
    entry: QueueEntry, kind: Notify, settings: QueueSettings
) -> tuple[QueuedRecipient, ...]:
    """Return the recipients that a notification of ``kind`` would be about."""
    if kind is Notify.DELAY:
        return tuple(queued for queued in entry.recipients if is_delayed(entry, queued, settings))
    return tuple(queued for queued in entry.recipients if _owed_for(queued) is kind)


def is_delayed(entry: QueueEntry, queued: QueuedRecipient, settings: QueueSettings) -> bool:
    """Whether the sender should hear that this recipient still waits."""
    wanted = queued.recipient.notify & ~queued.notified
    return (
        queued.status is RecipientStatus.PENDING
        and Notify.DELAY in wanted
        and 0 < settings.delay_warning_time <= entry.age
    )


def is_done(entry: QueueEntry) -> bool:
    """Whether nothing is pending and nobody is left to be told."""
    return not entry.pending and not owed(entry)


def _owed_for(queued: QueuedRecipient) -> Notify:
    wanted = queued.recipient.notify & ~queued.notified
    if queued.status is RecipientStatus.FAILED:
        return wanted & Notify.FAILURE
    if queued.status in _SUCCESSES:
        return wanted & Notify.SUCCESS
    return Notify.NEVER
