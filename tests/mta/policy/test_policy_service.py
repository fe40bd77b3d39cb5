# SPDX-License-Identifier: MIT
"""check_policy_service: what a service is told, what its answers do, and services that fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from homemail.config.smtp import SmtpSettings
from homemail.mta.policy.policy_client import Endpoint
from homemail.mta.policy.restrictions import Restrictions
from tests.mta.policy.world import TRUSTED, context, facilities

ABOUT = context("198.51.100.6", trace="TRACE1", size=1234)


class Service:
    """A policy service; ``answers`` are sent one per request, None closes the connection."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, str]] = []
        self.connections = 0

    async def __call__(self, reader, writer) -> None:
        self.connections += 1
        try:
            while self.answers:
                request = await reader.readuntil(b"\n\n")
                lines = request.decode().splitlines()
                self.requests.append(dict(line.split("=", 1) for line in lines if line))
                answer = self.answers.pop(0)
                if answer is None:
                    break
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def ask(service: Service, path, *, times: int = 1, about=ABOUT, **settings) -> list[str]:
    async def run() -> list[str]:
        around = facilities(
            smtpd_policy_service_timeout=0.5, smtpd_policy_service_retry_delay=0.0, **settings
        )
        words = (f"check_policy_service unix:{path}", "reject")
        lists = SmtpSettings(smtpd_client_restrictions=words)
        restrictions = Restrictions(lists, TRUSTED)
        server = await asyncio.start_unix_server(service, path)
        said = []
        for _ in range(times):
            refusal = (await restrictions.at_rcpt(replace(about, facilities=around))).refusal
            said.append("" if refusal is None else str(refusal.decision.reply))
        around.policy_clients.close()
        server.close()
        return said

    return asyncio.run(run())


def test_what_it_is_told(tmp_path):
    service = Service(b"action=OK\n\n")
    assert ask(service, tmp_path / "s") == [""]
    told = service.requests[0]
    assert told["request"] == "smtpd_access_policy"
    assert told["protocol_state"] == "RCPT"
    assert told["client_address"] == "198.51.100.6"
    assert told["client_name"] == "host.example"
    assert told["helo_name"] == "client.example"
    assert told["sender"] == "a@mail.example"
    assert told["recipient"] == "alice@home.test"
    assert told["instance"] == "TRACE1"
    assert told["size"] == "1234"


def test_a_connection_is_used_again(tmp_path):
    service = Service(*[b"action=OK\n\n"] * 3)
    assert ask(service, tmp_path / "s", times=3) == [""] * 3
    assert service.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_made_anew(tmp_path):
    service = Service(b"action=OK\n\n", None, b"action=OK\n\n")
    assert ask(service, tmp_path / "s", times=2) == [""] * 2


@pytest.mark.parametrize(
    ("action", "reply"),
    [
        (b"dunno", "554 5.7.1 <host.example[198.51.100.6]>: Client host rejected: Access denied"),
        (b"defer_if_permit Greylisted", "554 5.7.1 <host.example[198.51.100.6]>: Client host "
         "rejected: Access denied"),
        (b"550 no", "550 5.7.1 <host.example[198.51.100.6]>: Client host rejected: no"),
    ],
)  # fmt: skip
def test_answers(action, reply, tmp_path):
    service = Service(b"action=" + action + b"\n\n")
    assert ask(service, tmp_path / "s") == [reply]


@pytest.mark.parametrize(
    "answers", [(None, None), (b"nonsense\n\n", b"nonsense\n\n"), (b"action=OK", None)]
)
def test_a_service_that_fails_defers(answers, tmp_path):
    said = ask(Service(*answers), tmp_path / "s")
    words = "<host.example[198.51.100.6]>: Client host rejected: Server configuration problem"
    assert said == [f"451 4.3.5 {words}"]


def test_what_to_do_then_is_a_setting(tmp_path):
    said = ask(Service(None, None), tmp_path / "s", smtpd_policy_service_default_action="permit")
    assert said == [""]


def test_a_value_cannot_begin_another_line(tmp_path):
    service = Service(b"action=OK\n\n")
    ask(service, tmp_path / "s", about=replace(ABOUT, helo="x\naction=OK"))
    assert service.requests[0]["helo_name"] == "x?action=OK"


@pytest.mark.parametrize("text", ["", "unix:", "inet:host", "inet::25", "inet:h:99999", "tcp:h:1"])
def test_no_endpoint(text):
    with pytest.raises(ValueError, match="expected"):
        Endpoint.parse(text)


def test_endpoint():
    assert Endpoint.parse("inet:[::1]:10023") == Endpoint(host="::1", port=10023)
    assert Endpoint.parse("unix:private/policy") == Endpoint(path="private/policy")
