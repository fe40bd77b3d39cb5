# SPDX-License-Identifier: MIT
"""Settings of policy: what the checks in the restriction lists go by."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.config.declare import Number, Size, Switch, Text, TextList, Time, setting


def _code(default: int, sentence: str) -> int:
    code: int = setting(default, Number(400, 599), sentence, postfix=True)
    return code


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What checks go by: lists in DNS, tables, policy services, memories, reply codes."""

    permit_mx_backup_networks: tuple[str, ...] = setting(
        (),
        TextList(),
        "The networks of the best mail exchangers for which permit_mx_backup counts; none: any.",
        postfix=True,
    )
    soft_bounce: bool = setting(
        False,
        Switch(),
        "Ask to come later (4xx) wherever a message would be refused for good.",
        postfix=True,
    )
    access_map_reject_code: int = _code(554, "The reply code of REJECT in an access table.")
    access_map_defer_code: int = _code(450, "The reply code of DEFER in an access table.")
    reject_code: int = _code(554, "The reply code of reject.")
    defer_code: int = _code(450, "The reply code of defer.")
    relay_domains_reject_code: int = _code(554, "The reply code of reject_unauth_destination.")
    invalid_hostname_reject_code: int = _code(
        501, "The reply code of reject_invalid_helo_hostname."
    )
    non_fqdn_reject_code: int = _code(504, "The reply code of the reject_non_fqdn checks.")
    unknown_address_reject_code: int = _code(
        450, "The reply code of reject_unknown_sender_domain and reject_unknown_recipient_domain."
    )
    unknown_client_reject_code: int = _code(
        450, "The reply code of reject_unknown_client_hostname."
    )
    unknown_hostname_reject_code: int = _code(
        450, "The reply code of reject_unknown_helo_hostname."
    )
    multi_recipient_bounce_reject_code: int = _code(
        550, "The reply code of reject_multi_recipient_bounce."
    )
    unlisted_sender_reject_code: int = setting(
        550, Number(400, 599), "The reply code of reject_unlisted_sender."
    )
    maps_rbl_reject_code: int = _code(
        554, "The reply code of reject_rbl_client and the reject_rhsbl checks."
    )
    maps_rbl_domains: tuple[str, ...] = setting(
        (), TextList(), "The lists in DNS that reject_maps_rbl asks.", postfix=True
    )
    dnsbl_timeout: float = setting(
        5.0, Time(), "A list in DNS that does not answer in time counts as empty."
    )
    dnsbl_cache_time: float = setting(
        300.0, Time(), "How long an answer of a list in DNS is remembered."
    )
    smtpd_null_access_lookup_key: str = setting(
        "<>", Text(), "The key of the null sender in access tables.", postfix=True
    )
    smtpd_policy_service_timeout: float = setting(
        100.0, Time(), "How long a policy service may take.", postfix=True
    )
    smtpd_policy_service_try_limit: int = setting(
        2,
        Number(1, 10),
        "How often a policy service is asked before it counts as down.",
        postfix=True,
    )
    smtpd_policy_service_retry_delay: float = setting(
        1.0, Time(), "The wait between two tries to ask a policy service.", postfix=True
    )
    smtpd_policy_service_default_action: str = setting(
        "451 4.3.5 Server configuration problem",
        Text(),
        "What to do when a policy service cannot be asked.",
        postfix=True,
    )
    smtpd_policy_service_policy_context: str = setting(
        "", Text(), "What policy services are told as policy_context.", postfix=True
    )
    greylist_delay: float = setting(
        300.0, Time(), "How long an unknown sender is asked to come later (check_greylist)."
    )
    greylist_retry_window: float = setting(
        172800.0, Time(), "A sender who comes back later than that is unknown again."
    )
    greylist_lifetime: float = setting(
        3024000.0, Time(), "How long a sender who came back is remembered after his last mail."
    )
    greylist_auto_allow_clients: int = setting(
        5,
        Number(0),
        "After so many mails that came back a client is not asked to any more; 0: never.",
    )
    sender_rate_limit: int = setting(
        100, Number(0), "Recipients of one sender in sender_rate_time (check_sender_rate); 0: any."
    )
    sender_rate_time: float = setting(
        3600.0, Time(), "The time in which the recipients of one sender are counted."
    )
    header_checks: tuple[str, ...] = setting(
        (),
        TextList(),
        "Tables, mostly regexp:, that each field of a message's header is looked up in.",
        postfix=True,
    )
    mime_header_checks: tuple[str, ...] = setting(
        ("$header_checks",),
        TextList(),
        "The same for fields about MIME, in the header and in those of the parts.",
        postfix=True,
    )
    nested_header_checks: tuple[str, ...] = setting(
        ("$header_checks",),
        TextList(),
        "The same for the headers of messages inside the message.",
        postfix=True,
    )
    body_checks: tuple[str, ...] = setting(
        (), TextList(), "Tables that each line of a message's body is looked up in.", postfix=True
    )
    body_checks_size_limit: int = setting(
        51_200,
        Size(),
        "How much of each part of a body is looked up in body_checks.",
        postfix=True,
    )
