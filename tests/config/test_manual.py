# SPDX-License-Identifier: MIT
"""The manual that the declarations are."""

from __future__ import annotations

import re
import tomllib

from homemail.config import manual
from homemail.config.load import load, load_with_origins
from homemail.config.settings import TABLES, Settings, groups, known_settings


def host() -> str:
    return "mail.example.org"


def test_a_listing_is_a_settings_file_that_means_the_same(tmp_path):
    file = tmp_path / "homemail.toml"
    file.write_text('smtpd_banner = "$myhostname costs 5 $$"\nqueue_directory = "q"\n')
    settings = load([file], hostname=host)
    listed = tmp_path / "listed.toml"
    listed.write_text(manual.as_toml(settings, known_settings()))
    assert load([listed], hostname=lambda: "other.example.com") == settings


def test_what_files_set_can_be_listed_alone(tmp_path):
    file = tmp_path / "homemail.toml"
    file.write_text('relayhost = "[mail.example.com]"\n[ports]\nimap = 1143\n')
    loaded = load_with_origins([file], hostname=host)
    text = manual.as_toml(loaded.settings, manual.names_set(loaded))
    assert tomllib.loads(text) == {"relayhost": "[mail.example.com]", "ports": {"imap": 1143}}


def test_the_sample_sets_nothing():
    assert tomllib.loads(manual.sample()) == {table: {} for table in TABLES}


def test_the_sample_without_its_comment_signs_is_the_defaults(tmp_path):
    text = re.sub(r"^#(?=\w|\]|  )", "", manual.sample(), flags=re.MULTILINE)
    assert len(text.split(" = ")) > len(known_settings())
    file = tmp_path / "homemail.toml"
    file.write_text(text)
    assert load([file], hostname=host) == load([], hostname=host)


def test_every_setting_is_explained():
    loaded = load_with_origins([], hostname=host)
    for known in known_settings().values():
        assert known.declared.sentence in manual.explain(known, loaded)


def test_every_setting_has_a_sentence():
    for known in known_settings().values():
        sentence = known.declared.sentence
        assert sentence[0].isupper() or sentence.split()[0] in known_settings(), known.name
        assert sentence.endswith("."), known.name
        assert "\n" not in sentence, known.name


def test_tables_come_last_as_in_a_file():
    assert tuple(groups())[-len(TABLES) :] == TABLES


def test_every_group_has_a_heading():
    assert len({manual.title(group) for group in groups()}) == len(groups())
    assert Settings().ports is not None
