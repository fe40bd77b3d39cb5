# SPDX-License-Identifier: MIT
"""Settings of the SMTP server: port 25, submission, LMTP."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.config.declare import (
    Choice,
    IpNetwork,
    Networks,
    Number,
    Size,
    Text,
    TextList,
    Time,
    setting,
)

_ACTION = Choice(("ignore", "enforce", "drop"))


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """What is accepted from whom, and the limits of a connection."""

    smtpd_banner: str = setting(
        "$myhostname ESMTP homemail",
        Text(),
        "The greeting; it begins with this server's name (RFC 5321 §4.3.1).",
        postfix=True,
    )
    message_size_limit: int = setting(
        50_000_000, Size(), "The largest message that is accepted; 0: no limit.", postfix=True
    )
    smtpd_client_restrictions: tuple[str, ...] = setting(
        (), TextList(), "Checks on the client, asked at RCPT.", postfix=True
    )
    smtpd_helo_restrictions: tuple[str, ...] = setting(
        (), TextList(), "Checks on the name in HELO, asked at RCPT.", postfix=True
    )
    smtpd_sender_restrictions: tuple[str, ...] = setting(
        (), TextList(), "Checks on the sender's address, asked at RCPT.", postfix=True
    )
    smtpd_relay_restrictions: tuple[str, ...] = setting(
        ("permit_mynetworks", "permit_sasl_authenticated", "reject_unauth_destination"),
        TextList(),
        "Who may send to elsewhere, asked at RCPT before smtpd_recipient_restrictions.",
        postfix=True,
    )
    smtpd_recipient_restrictions: tuple[str, ...] = setting(
        ("reject_unlisted_recipient",),
        TextList(),
        "Checks on the recipient's address, asked at RCPT.",
        postfix=True,
    )
    smtpd_data_restrictions: tuple[str, ...] = setting(
        (), TextList(), "Checks asked at DATA, before the content comes.", postfix=True
    )
    smtpd_end_of_data_restrictions: tuple[str, ...] = setting(
        (), TextList(), "Checks asked when the content is there.", postfix=True
    )
    submission_recipient_restrictions: tuple[str, ...] = setting(
        (), TextList(), "Checks on what members of the house send, asked at RCPT."
    )
    smtpd_recipient_limit: int = setting(
        1000,
        Number(1, 100_000),
        "Recipients of one message; the others are asked to come later (452).",
        postfix=True,
    )
    smtpd_timeout: float = setting(
        300.0, Time(), "How long to wait for a client's next line or piece of data.", postfix=True
    )
    smtpd_min_data_rate: int = setting(
        500,
        Number(1),
        "Octets per second; a message that comes more slowly uses up smtpd_timeout.",
        postfix=True,
    )
    smtpd_soft_error_limit: int = setting(
        10, Number(1), "After so many errors each reply to one is delayed.", postfix=True
    )
    smtpd_hard_error_limit: int = setting(
        20, Number(1), "After so many errors the client is sent away (421).", postfix=True
    )
    smtpd_error_sleep_time: float = setting(
        1.0, Time(), "The delay of replies past smtpd_soft_error_limit.", postfix=True
    )
    smtpd_junk_command_limit: int = setting(
        100,
        Number(1),
        "RSET, NOOP, VRFY and HELP past so many count as errors, until a message is sent.",
        postfix=True,
    )
    smtpd_client_connection_count_limit: int = setting(
        50,
        Number(0),
        "Connections from one client at a time; 0: no limit.",
        postfix=True,
    )
    smtpd_connection_limit: int = setting(
        500, Number(1), "Connections of all clients to one port at a time."
    )
    smtpd_client_connection_rate_limit: int = setting(
        0,
        Number(0),
        "Connections of one client in anvil_rate_time_unit; 0: no limit.",
        postfix=True,
    )
    smtpd_client_message_rate_limit: int = setting(
        0,
        Number(0),
        "Messages (MAIL) of one client in anvil_rate_time_unit; 0: no limit.",
        postfix=True,
    )
    smtpd_client_recipient_rate_limit: int = setting(
        0,
        Number(0),
        "Recipients (RCPT) of one client in anvil_rate_time_unit; 0: no limit.",
        postfix=True,
    )
    smtpd_client_new_tls_session_rate_limit: int = setting(
        0,
        Number(0),
        "STARTTLS commands of one client in anvil_rate_time_unit; 0: no limit.",
        postfix=True,
    )
    smtpd_client_auth_rate_limit: int = setting(
        0,
        Number(0),
        "AUTH commands of one client in anvil_rate_time_unit; 0: no limit.",
        postfix=True,
    )
    anvil_rate_time_unit: float = setting(
        60.0, Time(), "The time in which the smtpd_client rate limits count.", postfix=True
    )
    smtpd_client_event_limit_exceptions: tuple[IpNetwork, ...] = setting(
        (),
        Networks(),
        "Clients, beside those in mynetworks, whose connections and rates are not limited.",
        postfix=True,
    )
    smtpd_authorized_xclient_hosts: tuple[IpNetwork, ...] = setting(
        (),
        Networks(),
        "Clients that may say in XCLIENT for whom they speak.",
        postfix=True,
    )
    haproxy_trusted_networks: tuple[IpNetwork, ...] = setting(
        (),
        Networks(),
        "Proxies whose connections begin with the real client's address (PROXY, version 1 or 2).",
        postfix="smtpd_upstream_proxy_protocol",
    )
    postscreen_greet_wait: float = setting(
        0.0,
        Time(),
        "How long an unknown client must wait for the greeting; 0: not at all.",
        postfix=True,
    )
    postscreen_greet_action: str = setting(
        "ignore",
        _ACTION,
        "What to do with a client that talks before the greeting.",
        postfix=True,
    )
    postscreen_greet_ttl: float = setting(
        86400.0, Time(), "How long a client that waited need not wait again.", postfix=True
    )
    postscreen_dnsbl_sites: tuple[str, ...] = setting(
        (),
        TextList(),
        "Lists in DNS that are asked for each new client, as list=127.0.0.2*3.",
        postfix=True,
    )
    postscreen_dnsbl_threshold: int = setting(
        1,
        Number(1),
        "The sum of weights from which postscreen_dnsbl_action is taken.",
        postfix=True,
    )
    postscreen_dnsbl_action: str = setting(
        "ignore", _ACTION, "What to do with a client that lists in DNS name.", postfix=True
    )
    postscreen_dnsbl_ttl: float = setting(
        3600.0, Time(), "How long a client that no list named is not looked up again.", postfix=True
    )
    hopcount_limit: int = setting(
        50, Number(1, 1000), "More Received fields than that are a mail loop.", postfix=True
    )
    postmaster: str = setting(
        "",
        Text(),
        "The account that gets mail for postmaster where none has that name; empty: the first.",
    )
