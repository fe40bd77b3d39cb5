# SPDX-License-Identifier: MIT
"""Mail handed in by the programs that people use: swaks, curl, s-nail, mutt."""

from __future__ import annotations

import subprocess

import pytest

from tests.house.server import need

pytestmark = [pytest.mark.slow, pytest.mark.real]


def run(*words: object, stdin: str = "", env: dict[str, str] | None = None):
    return subprocess.run(
        [str(word) for word in words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=env,
    )


def swaks(house, service: str, *words: object):
    server = f"127.0.0.1:{house.port(service)}"
    return run(need("swaks"), "--server", server, "--ehlo", "elsewhere.example", *words)


def test_swaks_sends_to_port_25(house):
    done = swaks(house, "smtp", "--from", "ann@elsewhere.example", "--to", "alice@home.test")
    assert done.returncode == 0, done.stdout
    [message] = house.messages()
    assert b"This is a test mailing" in message


def test_swaks_with_starttls(house):
    done = swaks(house, "smtp", "--tls", "--from", "ann@elsewhere.example", "--to", "bob@home.test")
    assert done.returncode == 0, done.stdout
    assert "TLS started" in done.stdout
    assert b"with ESMTPS" in house.messages("bob")[0]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize(("service", "tls"), [("submission", "--tls"), ("submissions", "-tlsc")])
def test_swaks_submits_with_a_login(house, mechanism, service, tls):
    login = ("--auth", mechanism, "--auth-user", "bob", "--auth-password", house.password("bob"))
    done = swaks(house, service, tls, *login, "--from", "bob@home.test", "--to", "alice@home.test")
    assert done.returncode == 0, done.stdout
    assert b"with ESMTPSA" in house.messages()[0]


def test_swaks_with_a_wrong_password_is_refused(house):
    login = ("--auth", "PLAIN", "--auth-user", "bob", "--auth-password", "wrong")
    done = swaks(house, "submission", "--tls", *login, "--to", "alice@home.test")
    assert done.returncode == 28, done.stdout  # swaks: authentication failed
    assert "535 5.7.8" in done.stdout
    assert house.messages() == []


def test_swaks_to_an_unknown_recipient_and_as_a_stranger(house):
    done = swaks(house, "smtp", "--from", "ann@elsewhere.example", "--to", "nobody@home.test")
    assert "550 5.1.1" in done.stdout
    done = swaks(house, "smtp", "--from", "ann@elsewhere.example", "--to", "x@third.example")
    assert "554 5.7.1" in done.stdout


def test_swaks_speaks_lmtp(house):
    done = swaks(
        house, "lmtp", "--protocol", "LMTP", "--from", "a@b.example", "--to", "alice@home.test"
    )
    assert done.returncode == 0, done.stdout
    assert len(house.messages()) == 1


def test_swaks_pipelines(house):
    done = swaks(house, "smtp", "--pipeline", "--from", "a@b.example", "--to", "alice@home.test")
    assert done.returncode == 0, done.stdout
    assert len(house.messages()) == 1


def test_curl_sends(house, tmp_path):
    letter = tmp_path / "letter"
    letter.write_bytes(b"From: ann@elsewhere.example\r\nSubject: by curl\r\n\r\n.dot\r\n")
    url = f"smtp://127.0.0.1:{house.port('smtp')}/elsewhere.example"
    done = run(
        need("curl"), "-sS", url, "--mail-from", "ann@elsewhere.example",
        "--mail-rcpt", "alice@home.test", "--upload-file", letter,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert house.messages()[0].endswith(letter.read_bytes())


@pytest.mark.parametrize("service", ["submission", "submissions"])
def test_curl_submits_over_tls(house, tmp_path, service):
    letter = tmp_path / "letter"
    letter.write_bytes(b"From: alice@home.test\r\nSubject: by curl\r\n\r\nhello\r\n")
    scheme = "smtps" if service == "submissions" else "smtp"
    done = run(
        need("curl"), "-sS", f"{scheme}://home.test:{house.port(service)}/there.example",
        "--resolve", f"home.test:{house.port(service)}:127.0.0.1", "--ssl-reqd",
        "--cacert", house.ready["certificate"], "-u", f"alice:{house.password('alice')}",
        "--mail-from", "alice@home.test", "--mail-rcpt", "bob@home.test",
        "--upload-file", letter,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"Subject: by curl" in house.messages("bob")[0]


def test_mutt_sends(house, tmp_path):
    settings = tmp_path / "muttrc"
    settings.write_text(
        f'set smtp_url="smtp://alice@127.0.0.1:{house.port("submission")}/"\n'
        f'set smtp_pass="{house.password("alice")}"\n'
        f'set certificate_file="{house.ready["certificate"]}"\n'
        "set ssl_verify_host=no\nset ssl_force_tls=yes\nset copy=no\n"
        'set from="alice@home.test"\nset realname="Alice"\n'
    )
    done = run(
        need("mutt"), "-F", settings, "-s", "by mutt", "bob@home.test", stdin="Hello, Bob.\n"
    )
    assert done.returncode == 0, done.stderr
    [message] = house.messages("bob")
    assert b"Subject: by mutt" in message


def test_s_nail_sends(house, tmp_path):
    url = f"smtp://alice:alice-secret@127.0.0.1:{house.port('submission')}"
    done = run(
        need("s-nail"), "-:/", "-S", "v15-compat=yes", "-S", f"mta={url}",
        "-S", "smtp-use-starttls=yes", "-S", "tls-verify=ignore", "-S", "smtp-auth=plain",
        "-S", "sendwait", "-S", "from=alice@home.test", "-S", "hostname=home.test",
        "-s", "by s-nail", "bob@home.test", stdin="Hello, Bob.\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"Subject: by s-nail" in house.messages("bob")[0]
