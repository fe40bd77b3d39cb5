# SPDX-License-Identifier: MIT
"""``homemail try``: what it makes, says and refuses."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from homemail.cli import trial
from tests.house.server import STANDARD, homemail, need, wait_for

pytestmark = pytest.mark.slow


def test_ready_says_how_to_reach_it(new_house):
    house = new_house().start()
    ready = house.ready
    assert ready["pid"] == house.process.pid
    assert (ready["host"], ready["domain"]) == ("127.0.0.1", "home.test")
    assert ready["ports"] == {service: house.base + port for service, port in STANDARD.items()}
    assert set(ready["accounts"]) == {"alice", "bob", "carol"}
    for name, account in ready["accounts"].items():
        assert account["password"] == f"{name}-secret"
        assert account["home"] == str(house.directory / "home" / name)
    assert "BEGIN CERTIFICATE" in Path(ready["certificate"]).read_text()


def test_it_greets_alice_once_and_finds_its_mail_again(new_house):
    house = new_house().start()
    [welcome] = house.messages("alice")
    assert b"Subject: Welcome" in welcome
    assert house.stop() == 0
    assert not (house.directory / "ready.json").exists()
    again = house.start()
    assert again.messages("alice") == [welcome]
    assert again.messages("bob") == []


def screen(house) -> str:
    """Return what it says to a person, a moment after ``ready.json`` is there."""
    wait_for(lambda: "Waiting mail" in house.said())
    return house.said()


def test_the_screen_shows_what_a_person_needs(new_house):
    house = new_house().start()
    said = screen(house)
    words = ("alice-secret", "swaks", "curl smtp:", "certificate.pem", "Maildir")
    for word in (*words, str(house.base + 143), str(house.base + 25)):
        assert word in said, said
    assert len(said.splitlines()) < 40
    assert all(len(line.replace(str(house.directory), "DIR")) <= 115 for line in said.splitlines())


def test_the_commands_on_the_screen_work_as_they_stand(new_house, tmp_path):
    house = new_house("a directory").start()
    house.send(b"Subject: hm\r\n\r\n", "alice@home.test")
    rows = [line[14:] for line in screen(house).splitlines()]
    (listing,) = [row for row in rows if "queue list" in row]
    done = subprocess.run(listing, shell=True, capture_output=True, text=True, check=True)
    assert "queue is empty" in done.stdout
    need("curl")
    (tmp_path / "FILE").write_text("Subject: by curl\n\nhello\n")
    for row in rows:
        if row.startswith("curl"):
            command = f"{row} --silent --show-error".replace("FILE", str(tmp_path / "FILE"))
            subprocess.run(command, shell=True, capture_output=True, check=True)
    assert b"Subject: by curl\r\n\r\nhello\r\n" in house.messages("alice")[-1]


def test_the_welcome_is_plain_text():
    welcome = EmailMessage(policy=SMTP)
    welcome.set_content(trial._WELCOME)
    assert welcome["Content-Transfer-Encoding"] == "7bit"


def test_every_listener_answers(house):
    context = ssl.create_default_context(cafile=house.ready["certificate"])
    greetings = {}
    for service, port in house.ready["ports"].items():
        line = socket.create_connection(("127.0.0.1", port), 10)
        if service in ("submissions", "imaps", "pop3s"):
            line = context.wrap_socket(line, server_hostname="home.test")
        greetings[service] = line.recv(100)
        line.close()
    for service in ("smtp", "lmtp", "submission", "submissions"):
        assert greetings[service].startswith(b"220 "), service
    for service in ("imap", "imaps"):
        assert greetings[service].startswith(b"* OK "), service
    for service in ("pop3", "pop3s"):
        assert greetings[service].startswith(b"+OK"), service
    assert greetings["managesieve"].startswith(b'"IMPLEMENTATION"')


def test_files_are_private(house):
    for path in (house.directory / "users", house.directory / "tls" / "key.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((house.home("alice")).stat().st_mode) == 0o700
    assert "alice-secret" not in house.log()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(new_house, how):
    house = new_house().start()
    assert house.stop(how) == 0
    assert not (house.directory / "ready.json").exists()


def test_a_port_in_use_is_one_clear_line(new_house, tmp_path):
    house = new_house()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", house.base + 143))
        taken.listen()
        done = homemail("try", "--directory", house.directory, "--port-base", str(house.base))
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert f"port {house.base + 143} (imap)" in line
    assert "--port-base" in line
    assert not (house.directory / "ready.json").exists()
    house.start()
    assert len(house.messages()) == 1  # the welcome came, though the first try failed


def test_a_second_server_on_the_directory_is_refused(new_house):
    first = new_house().start()
    done = homemail("try", "--directory", first.directory, "--port-base", str(first.base + 1))
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "another homemail" in line
    assert str(first.process.pid) in line
    assert json.loads((first.directory / "ready.json").read_text()) == first.ready
    assert len(first.messages()) == 1


def test_a_directory_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    done = homemail("try", "--directory", tmp_path / "file" / "below", "--port-base", "20000")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert str(tmp_path / "file" / "below") in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_directory_is_one_clear_line(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    done = homemail("try", "--directory", closed, "--port-base", "20000")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert str(closed) in line


def test_a_port_base_out_of_range_is_refused(tmp_path):
    done = homemail("try", "--directory", tmp_path / "d", "--port-base", "65000")
    assert done.returncode != 0
    assert "61345" in done.stderr
    assert not (tmp_path / "d").exists()


def test_settings_override(new_house):
    house = new_house(settings='message_size_limit = "10 KB"\n').start()
    with socket.create_connection(("127.0.0.1", house.port("smtp")), 10) as line:
        line.recv(1000)
        line.sendall(b"EHLO elsewhere.example\r\n")
        assert b"SIZE 10000" in line.recv(2000)
    assert "10 KB" in house.command("settings", "message_size_limit")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("message_size_limitt = 5\n", "did you mean message_size_limit"),
        ('\n\nmessage_size_limit = "soon"\n', "3: message_size_limit: expected a size"),
        ("message_size_limit = \n", ":1"),
        ('\ntls_certificate_file = "/nowhere"\n', ":2: tls_certificate_file: "),
    ],
)
def test_wrong_settings_stop_it(tmp_path, text, wanted):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    done = homemail("try", "--directory", tmp_path / "d", "--settings", file)
    assert done.returncode == 1
    assert str(file) in done.stderr
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_that_is_not_here(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('inet_interfaces = ["192.0.2.77"]\n')
    done = homemail("try", "--directory", tmp_path / "d", "--settings", file)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "192.0.2.77" in line and "inet_interfaces" in line
    assert "--port-base" not in line


def test_a_settings_file_that_is_not_there(tmp_path):
    done = homemail("try", "--directory", tmp_path / "d", "--settings", tmp_path / "none.toml")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "none.toml" in done.stderr
