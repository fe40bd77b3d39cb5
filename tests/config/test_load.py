# SPDX-License-Identifier: MIT
"""Settings files to settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from homemail.config import load as load_module
from homemail.config.load import load, load_with_origins, system_hostname
from homemail.config.settings import Settings
from homemail.errors import ConfigError, ConfigErrors


def host() -> str:
    return "host.example.org"


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "homemail.toml") -> Path:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    return write


def loaded(file: Path) -> Settings:
    return load([file], hostname=host)


def test_defaults_are_filled_in_from_the_name_of_the_host():
    site = load([], hostname=host).site
    assert site.myhostname == "host.example.org"
    assert site.mydomain == "example.org"
    assert site.myorigin == "example.org"
    assert site.mydestination == (
        "host.example.org",
        "localhost.example.org",
        "localhost",
        "example.org",
    )


def test_a_host_of_one_label_is_its_own_domain():
    site = load([], hostname=lambda: "box").site
    assert (site.myhostname, site.mydomain) == ("box", "box")


def test_domain_follows_the_host_that_the_file_names(write):
    site = loaded(write('myhostname = "mail.house.example"')).site
    assert site.mydomain == "house.example"


def test_host_may_be_said_in_terms_of_the_domain(write):
    site = loaded(write('mydomain = "house.example"\nmyhostname = "mail.$mydomain"')).site
    assert site.myhostname == "mail.house.example"


def test_later_files_override_earlier_ones_name_by_name(write):
    first = write('myhostname = "a.example"\nrelayhost = "x"\n[ports]\nsmtp = 1\nimap = 2\n')
    second = write('relayhost = ""\n[ports]\nimap = 3\n', "settings.toml")
    settings = load([first, second], hostname=host)
    assert settings.site.myhostname == "a.example"
    assert settings.sending.relayhost == ""
    assert (settings.ports.smtp, settings.ports.imap) == (1, 3)


def test_origins_name_the_file_that_won(write):
    first = write('myhostname = "a.example"\nmydomain = "b"\n')
    second = write('\n\nmydomain = "c"\n[ports]\nimap = 3\n', "settings.toml")
    origins = load_with_origins([first, second], hostname=host).origins
    places = {name: (origin.file.name, origin.line) for name, origin in origins.items()}
    assert places == {
        "myhostname": ("homemail.toml", 1),
        "mydomain": ("settings.toml", 3),
        "ports.imap": ("settings.toml", 5),
    }


def test_empty_differs_from_unset(write):
    assert loaded(write("mydestination = []")).site.mydestination == ()
    assert loaded(write("")).site.mydestination != ()


def test_relative_paths_are_below_the_file_that_names_them(write, tmp_path):
    first = write('queue_directory = "spool"')
    second = write('data_directory = "data"', "other/settings.toml")
    site = load([first, second], hostname=host).site
    assert site.queue_directory == tmp_path / "spool"
    assert site.data_directory == tmp_path / "other" / "data"


def test_relative_files_give_absolute_paths(write, monkeypatch, tmp_path):
    write('queue_directory = "spool"')
    monkeypatch.chdir(tmp_path)
    assert loaded(Path("homemail.toml")).site.queue_directory == tmp_path / "spool"


def test_paths_are_filled_in(write):
    site = loaded(write('data_directory = "/d"\nqueue_directory = "$data_directory/q"')).site
    assert site.queue_directory == Path("/d/q")


def test_a_list_in_a_list_becomes_its_items(write):
    text = 'mydestination = ["a.example", "$inet_interfaces", "b.$mydomain"]\n'
    text += 'inet_interfaces = ["127.0.0.1", "::1"]'
    with pytest.raises(ConfigErrors, match='got "::1"'):
        loaded(write(text))  # an address is no domain, but the items have arrived
    text = text.replace('"127.0.0.1", "::1"', '"loopback-only"')
    expected = ("a.example", "loopback-only", "b.example.org")
    assert loaded(write(text)).site.mydestination == expected


def test_a_list_in_a_text_stands_with_commas(write):
    text = 'smtpd_banner = "$inet_interfaces"\ninet_interfaces = ["127.0.0.1", "::1"]'
    assert loaded(write(text)).smtp.smtpd_banner == "127.0.0.1, ::1"


def test_a_dollar_sign_is_written_twice(write):
    assert loaded(write('smtpd_banner = "5 $$"')).smtp.smtpd_banner == "5 $"


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    file = tmp_path / "homemail.toml"
    file.write_bytes(b'\xef\xbb\xbfmyhostname = "a.example"\r\nfoo = 1\r\n')
    with pytest.raises(ConfigErrors, match=r"homemail.toml:2: foo"):
        loaded(file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigErrors, match="cannot be read: No such file or directory"):
        loaded(tmp_path / "homemail.toml")


def test_a_file_that_never_ends():
    with pytest.raises(ConfigErrors, match="too big"):
        loaded(Path("/dev/zero"))


def test_brackets_without_end(write):
    with pytest.raises(ConfigErrors, match=r"nested too deeply|not TOML"):
        loaded(write("mydestination = " + "[" * 100_000))


def test_errors_come_in_the_order_of_files_and_lines(write):
    first, second = write("zz = 1\naa = 1\nsmtp = 2"), write("bb = 1", "settings.toml")
    with pytest.raises(ConfigErrors) as caught:
        load([first, second], hostname=host)
    assert [error.parameter for error in caught.value.errors] == ["zz", "aa", "smtp", "bb"]


def test_an_override_heals_an_earlier_mistake_in_a_value(write):
    first, second = write("myhostname = 5"), write('myhostname = "a.example"', "settings.toml")
    assert load([first, second], hostname=host).site.myhostname == "a.example"


def test_what_depends_on_a_wrong_value_is_not_told_of_too(write):
    with pytest.raises(ConfigErrors) as caught:
        loaded(write('mydomain = "$nothing"'))
    assert [error.parameter for error in caught.value.errors] == ["mydomain"]


def test_a_mistake_is_told_where_it_stands_whoever_finds_it(write):
    file = write('myhostname = "mail.$mydomain"\nmydomain = "$nothing"')
    with pytest.raises(ConfigErrors) as caught:
        loaded(file)
    assert str(caught.value) == f'{file}:2: mydomain: unknown name "$nothing"'


def test_a_path_below_a_relative_path_of_another_file(write, tmp_path):
    first = write('data_directory = "$queue_directory/data"')
    second = write('queue_directory = "spool"', "other/settings.toml")
    site = load([first, second], hostname=host).site
    assert site.data_directory == tmp_path / "other" / "spool" / "data"


def test_what_goes_wrong_in_a_group_gets_its_place(write, monkeypatch):
    def refuse(settings: Settings) -> list[ConfigError]:
        return [
            ConfigError("no", parameter="relayhost"),
            ConfigError("never", parameter="myorigin"),
        ]

    monkeypatch.setattr(load_module, "check", refuse)
    file = write('\nrelayhost = "x"')
    with pytest.raises(ConfigErrors) as caught:
        loaded(file)
    assert str(caught.value).splitlines() == ["myorigin: never", f"{file}:2: relayhost: no"]


def test_the_name_of_this_machine_is_found_without_dns(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "mail.example.org.")
    assert system_hostname() == "mail.example.org"
    monkeypatch.setattr("socket.gethostname", lambda: "no-such-host-in-etc-hosts")
    assert system_hostname() == "no-such-host-in-etc-hosts"
