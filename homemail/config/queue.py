# SPDX-License-Identifier: MIT
"""Settings of the queue and of sending to other hosts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homemail.config.addresses import TableList
from homemail.config.declare import (
    Choice,
    FilePath,
    Number,
    Size,
    Switch,
    TemplateList,
    Text,
    TextList,
    Time,
    setting,
)

PIPE_NAMES = (
    *("recipient", "original_recipient", "user", "extension", "mailbox", "domain"),
    *("sender", "nexthop", "queue_id", "size"),
)
"""The names in the arguments of ``pipe_transports``; the first six are the recipient's."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """What waits, how long, and when it is tried again."""

    minimal_backoff_time: float = setting(
        300.0, Time(), "The shortest wait before a message is tried again.", postfix=True
    )
    maximal_backoff_time: float = setting(
        4000.0, Time(), "The longest wait before a message is tried again.", postfix=True
    )
    maximal_queue_lifetime: float = setting(
        432000.0,
        Time(),
        "How long a message is tried before it goes back to its sender.",
        postfix=True,
    )
    bounce_queue_lifetime: float = setting(
        432000.0,
        Time(),
        "How long a notification is tried before it is given up.",
        postfix=True,
    )
    delay_warning_time: float = setting(
        0.0, Time(), "When to tell a sender that his message still waits; 0: never.", postfix=True
    )
    bounce_size_limit: int = setting(
        50_000,
        Size(),
        "A larger message is returned to its sender by its header alone.",
        postfix=True,
    )
    double_bounce_notice_recipient: str = setting(
        "postmaster",
        Text(),
        "Who is told when a message without a sender, such as a notification, cannot be delivered; "
        "empty: nobody.",
        postfix="2bounce_notice_recipient",
    )
    defer_transports: tuple[str, ...] = setting(
        (),
        TextList(),
        "Transports whose mail waits for a flush and is not tried by itself.",
        postfix=True,
    )
    initial_destination_concurrency: int = setting(
        2,
        Number(1, 1000),
        "Connections to one destination to begin with; success raises them.",
        postfix=True,
    )
    default_destination_concurrency_limit: int = setting(
        20, Number(1, 1000), "The most connections to one destination.", postfix=True
    )
    default_process_limit: int = setting(
        100,
        Number(1, 10_000),
        "The most transfers of one transport at the same time, to all destinations together.",
        postfix=True,
    )
    default_destination_recipient_limit: int = setting(
        50, Number(1, 10_000), "The most recipients in one transfer to another host.", postfix=True
    )


@dataclass(frozen=True, slots=True)
class SendingSettings:
    """Where mail for elsewhere goes, and how the next host is spoken to."""

    default_transport: str = setting(
        "smtp", Text(), "The transport, or transport:nexthop, of mail for elsewhere.", postfix=True
    )
    relayhost: str = setting(
        "",
        Text(),
        "The host that takes all mail for elsewhere; [host] is not looked up in MX.",
        postfix=True,
    )
    pipe_transports: tuple[str, ...] = setting(
        (),
        TemplateList(PIPE_NAMES),
        "Programs that are transports, each as master.cf has it: "
        '"name: flags=DRhu user=vmail argv=/usr/bin/program ${recipient}".',
    )
    smtp_helo_name: str = setting(
        "$myhostname", Text(), "The name said in EHLO to other hosts.", postfix=True
    )
    smtp_tls_security_level: str = setting(
        "may",
        Choice(("none", "may", "encrypt", "dane", "dane-only", "verify", "secure")),
        "TLS to other hosts: none, may (when they offer it), encrypt (always), dane (as DNSSEC "
        "says, else may), dane-only, verify (with a certificate for the host's name), secure "
        "(with one for the next hop's).",
        postfix=True,
    )
    smtp_tls_policy_maps: tuple[str, ...] = setting(
        (),
        TableList(),
        "Tables with another level for a next hop, such as "
        '"secure match=.isp.example"; ".example.org" stands for the domains below.',
        postfix=True,
    )
    smtp_tls_cafile: Path | None = setting(
        None,
        FilePath(optional=True),
        "The authorities whose certificates count, PEM; empty: those of the system.",
        postfix="smtp_tls_CAfile",
    )
    smtp_dns_support_level: str = setting(
        "enabled",
        Choice(("enabled", "dnssec")),
        "With dnssec the name server is believed that it has validated an answer, as dane needs; "
        "it must be on this machine, or the way to it safe.",
        postfix=True,
    )
    smtp_mta_sts: bool = setting(
        True,
        Switch(),
        "Keep to the TLS policies that domains publish for mail to them (MTA-STS).",
    )
    smtp_sasl_auth_enable: bool = setting(
        False,
        Switch(),
        "Give a name and password to the next hops that smtp_sasl_password_maps names.",
        postfix=True,
    )
    smtp_sasl_password_maps: Path | None = setting(
        None,
        FilePath(optional=True),
        'A text file with lines such as "[mail.isp.example]:587 user:password".',
        postfix=True,
    )
    smtp_sender_dependent_authentication: bool = setting(
        False,
        Switch(),
        "Look in smtp_sasl_password_maps for the sender's address before the next hop.",
        postfix=True,
    )
    disable_mime_output_conversion: bool = setting(
        False,
        Switch(),
        "Send 8-bit messages as they are to hosts that do not take them, with their signatures.",
        postfix=True,
    )
    smtp_connect_timeout: float = setting(
        30.0, Time(), "How long one address of a host may take to answer.", postfix=True
    )
    smtp_connection_cache_time_limit: float = setting(
        2.0,
        Time(),
        "How long a connection is kept open for the next message; 0: not at all.",
        postfix=True,
    )
    smtp_connection_reuse_count_limit: int = setting(
        100,
        Number(0, 100_000),
        "The most messages over one connection; 0: no limit.",
        postfix=True,
    )
    smtp_mx_address_limit: int = setting(
        5, Number(1, 100), "The most addresses of a destination that are tried.", postfix=True
    )
