# SPDX-License-Identifier: MIT
"""``check_policy_service``: asks another program what to do (SMTPD_POLICY_README of Postfix)."""

from __future__ import annotations

from homemail.errors import TableUnavailable
from homemail.mta.policy.access import act
from homemail.mta.policy.check import (
    Ask,
    CheckWithArgument,
    Decision,
    Reading,
    SmtpContext,
    Stage,
)
from homemail.mta.policy.policy_client import Endpoint

_STATES = {Stage.DATA: "DATA", Stage.END_OF_DATA: "END-OF-MESSAGE"}


def _check_policy_service(argument: str, reading: Reading) -> Ask:
    endpoint = Endpoint.parse(argument)

    async def check(context: SmtpContext) -> Decision:
        facilities = context.facilities
        try:
            action = await facilities.policy_clients.ask(endpoint, await attributes(context))
        except TableUnavailable:
            action = facilities.settings.smtpd_policy_service_default_action
        return act(action, context, reading, argument)

    return check


async def attributes(context: SmtpContext) -> dict[str, str]:
    """Return what a service is told, under Postfix's names."""
    names = await context.host.names()
    tls = context.tls
    path = context.forward_path
    return {
        "request": "smtpd_access_policy",
        "protocol_state": _STATES.get(context.stage, "RCPT"),
        "protocol_name": "ESMTP" if context.extended else "SMTP",
        "helo_name": context.helo,
        "queue_id": context.trace if context.stage in _STATES else "",
        "instance": context.trace,
        "sender": str(context.reverse_path or ""),
        "recipient": str(path or ""),
        "recipient_count": str(context.recipient_count if context.stage in _STATES else 0),
        "client_address": context.peer.host.removeprefix("::ffff:"),
        "client_name": names.verified,
        "client_port": str(context.peer.port),
        "reverse_client_name": names.reverse,
        "sasl_method": context.mechanism,
        "sasl_username": context.submitter or "",
        "sasl_sender": "",
        "size": str(context.size),
        "ccert_subject": "",
        "ccert_issuer": "",
        "ccert_fingerprint": "",
        "ccert_pubkey_fingerprint": "",
        "encryption_protocol": tls.version if tls else "",
        "encryption_cipher": tls.cipher if tls else "",
        "encryption_keysize": "0",
        "etrn_domain": "",
        "stress": "",
        "policy_context": context.facilities.settings.smtpd_policy_service_policy_context,
    }


CHECKS = (
    CheckWithArgument("check_policy_service", "unix:path or inet:host:port", _check_policy_service),
)
