# SPDX-License-Identifier: MIT
"""``homemail settings``."""

from __future__ import annotations

import json
import tomllib

from homemail.config.settings import known_settings


def test_everything_in_force_is_a_settings_file(homemail, directory, tmp_path):
    listed = homemail("settings", "--directory", directory)
    file = tmp_path / "again.toml"
    file.write_text(listed.out)
    assert homemail("settings", "--config", file).out == listed.out
    assert tomllib.loads(listed.out)["myhostname"] == "mail.home.test"


def test_only_what_is_set(homemail, directory):
    changed = tomllib.loads(homemail("settings", "--changed", "--directory", directory).out)
    assert changed["mydestination"] == ["home.test"]
    assert "relayhost" not in changed
    assert len(changed["ports"]) == 9


def test_one_explained(homemail, directory):
    lines = homemail("settings", "myhostname", "--directory", directory).out.splitlines()
    assert lines[0] == f"myhostname: {known_settings()['myhostname'].declared.sentence}"
    assert '  Value:       "mail.home.test"' in lines
    assert '  Default:     ""' in lines
    assert f"  Set in:      {directory}/homemail.toml:1" in lines
    assert "  In Postfix:  myhostname" in lines


def test_names_of_postfix_and_of_ports(homemail, directory):
    named = ("--directory", directory)
    explained = homemail("settings", "smtpd_tls_cert_file", *named).out
    assert explained.startswith("tls_certificate_file: ")
    assert homemail("settings", "ports.imaps", *named).out.startswith("ports.imaps: ")
    assert homemail("settings", "imaps", *named).out.startswith("ports.imaps: ")


def test_an_unknown_name(homemail, directory):
    result = homemail("settings", "myhostnam", "--directory", directory)
    assert result.status == 1
    assert result.err == 'homemail: no setting "myhostnam"; did you mean myhostname?\n'


def test_json(homemail, directory):
    every = json.loads(homemail("settings", "--json", "--directory", directory).out)
    assert list(every) == list(known_settings())
    one = json.loads(
        homemail("settings", "queue_directory", "--json", "--directory", directory).out
    )
    assert one["queue_directory"]["value"] == str(directory / "queue")
    assert one["queue_directory"]["line"] == 6


def test_the_defaults_where_nothing_is_installed(homemail, monkeypatch, tmp_path):
    monkeypatch.setattr("homemail.cli.settings.DEFAULT_FILE", tmp_path / "homemail.toml")
    result = homemail("settings", "message_size_limit")
    assert result.status == 0
    assert '  Value:       "50 MB"' in result.out.splitlines()


def test_the_sample_needs_no_installation(homemail, tmp_path):
    file = tmp_path / "homemail.toml"
    file.write_text(homemail("settings", "--sample").out)
    assert homemail("settings", "--changed", "--config", file).out == ""
