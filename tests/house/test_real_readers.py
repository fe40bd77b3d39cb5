# SPDX-License-Identifier: MIT
"""Mail read by the programs that people use: curl, mutt, neomutt, mbsync, fetchmail, getmail."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.house.server import need

pytestmark = [pytest.mark.slow, pytest.mark.real]
LETTERS = [
    b"From: ann@elsewhere.example\r\nTo: alice@home.test\r\nSubject: letter %d\r\n"
    b"Message-ID: <%d@elsewhere.example>\r\n\r\nThis is letter %d.\r\n.\r\n" % (n, n, n)
    for n in range(1, 6)
]


@pytest.fixture
def mailbox(house):
    """The house with five letters for alice."""
    for letter in LETTERS:
        house.send(letter)
    return house


def run(*words: object, env: dict[str, str] | None = None, timeout: float = 90):
    done = subprocess.run(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done


def maildir_files(directory):
    return sorted(
        file.read_bytes() for place in ("new", "cur") for file in (directory / place).glob("*")
    )


CLIENTS_OWN = re.compile(rb"^(?:X-getmail-[^:]*|Content-Length|Lines|Status|X-TUID): .*\n", re.M)


def assert_all_letters(found: list[bytes]) -> None:
    """Every letter came once, whole, but for what the client put in its copy."""
    assert len(found) == len(LETTERS)
    kept = [CLIENTS_OWN.sub(b"", octets.replace(b"\r\n", b"\n")) for octets in found]
    for letter in LETTERS:
        assert sum(octets.endswith(letter.replace(b"\r\n", b"\n")) for octets in kept) == 1


@pytest.mark.parametrize("service", ["imap", "imaps"])
def test_curl_reads_imap(mailbox, service):
    where = f"{service}://home.test:{mailbox.port(service)}"
    words = [
        need("curl"), "-sS", "--ssl-reqd", "--cacert", mailbox.ready["certificate"],
        "--resolve", f"home.test:{mailbox.port(service)}:127.0.0.1",
        "-u", f"alice:{mailbox.password('alice')}",
    ]  # fmt: skip
    found = [run(*words, f"{where}/INBOX;MAILINDEX={n}").stdout.encode() for n in range(1, 6)]
    assert_all_letters(found)
    assert "* SEARCH 3" in run(*words, f"{where}/INBOX?SUBJECT%20%22letter%203%22").stdout
    assert '"/" "INBOX"' in run(*words, f"{where}/").stdout


@pytest.mark.parametrize("service", ["pop3", "pop3s"])
def test_curl_reads_pop3(mailbox, service):
    where = f"{service}://home.test:{mailbox.port(service)}"
    words = [
        need("curl"), "-sS", "--ssl-reqd", "--cacert", mailbox.ready["certificate"],
        "--resolve", f"home.test:{mailbox.port(service)}:127.0.0.1",
        "-u", f"alice:{mailbox.password('alice')}",
    ]  # fmt: skip
    assert_all_letters([run(*words, f"{where}/{n}").stdout.encode() for n in range(1, 6)])
    assert len(run(*words, f"{where}/").stdout.splitlines()) == 5


def test_curl_appends(house, tmp_path):
    letter = tmp_path / "letter"
    letter.write_bytes(LETTERS[0])
    url = f"imap://127.0.0.1:{house.port('imap')}/INBOX"
    run(need("curl"), "-sS", "-u", f"alice:{house.password('alice')}", "-T", letter, url)
    assert house.messages() == [LETTERS[0]]


@pytest.mark.parametrize("program", ["mutt", "neomutt"])
def test_mutt_reads_flags_and_saves(mailbox, tmp_path, program):
    need(program)
    out = tmp_path / "out"
    settings = tmp_path / "muttrc"
    settings.write_text(
        f'set folder="imap://alice@127.0.0.1:{mailbox.port("imap")}/"\n'
        f'set spoolfile="+INBOX"\nset imap_pass="{mailbox.password("alice")}"\n'
        f'set certificate_file="{mailbox.ready["certificate"]}"\nset ssl_verify_host=no\n'
        f'set ssl_force_tls=yes\nset header_cache="{tmp_path}/cache"\nset mbox_type=Maildir\n'
        "set confirmappend=no\nset delete=yes\nset move=no\nset confirmcreate=no\nset copy=no\n"
        "set wait_key=no\nset quit=yes\nset beep=no\n"
    )
    # tag all, copy the tagged to a Maildir; flag the first; delete the second; leave
    keys = f"<tag-pattern>~A<enter><tag-prefix><copy-message>{out}<enter>"
    keys += "<tag-prefix><tag-message><first-entry><flag-message><next-entry><delete-message><quit>"
    run(
        "script", "-qec", f"{program} -F {settings} -e 'push {keys}'", "/dev/null",
        env={"TERM": "xterm", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert_all_letters(maildir_files(out))
    client = mailbox.imap()
    client.select()
    assert client.search(None, "FLAGGED")[1] == [b"1"]
    assert client.search(None, "ALL")[1] == [b"1 2 3 4"]
    client.logout()


def test_mbsync_syncs_both_ways(mailbox, tmp_path):
    (tmp_path / "mail").mkdir()
    settings = tmp_path / "mbsyncrc"
    settings.write_text(
        f"IMAPStore far\nHost localhost\nPort {mailbox.port('imaps')}\nUser alice\n"
        f"Pass {mailbox.password('alice')}\nSSLType IMAPS\n"
        f"CertificateFile {mailbox.ready['certificate']}\n\n"
        f"MaildirStore near\nPath {tmp_path}/mail/\nInbox {tmp_path}/mail/INBOX\n"
        "SubFolders Verbatim\n\n"
        "Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\n"
        f"SyncState *\n"
    )
    mbsync = [need("mbsync"), "-c", settings, "-a"]
    run(*mbsync)
    inbox = tmp_path / "mail" / "INBOX"
    assert_all_letters(maildir_files(inbox))
    # flag one here, remove another, add a third in a new mailbox; the server gets it all
    first, second = sorted((inbox / "new").iterdir())[:2] or sorted((inbox / "cur").iterdir())[:2]
    flagged = inbox / "cur" / (first.name.partition(":")[0] + ":2,FS")
    first.rename(flagged)
    second.unlink()
    for place in ("new", "cur", "tmp"):
        (tmp_path / "mail" / "Lists" / place).mkdir(parents=True)
    (tmp_path / "mail" / "Lists" / "new" / "1.local").write_bytes(b"Subject: mine\n\nmine\n")
    run(*mbsync)
    client = mailbox.imap()
    client.select()
    assert client.search(None, "FLAGGED SEEN")[1][0].split() != []
    assert len(client.search(None, "ALL")[1][0].split()) == 4
    client.logout()
    [mine] = mailbox.messages(mailbox="Lists")
    assert b"Subject: mine" in mine
    run(*mbsync)
    client = mailbox.imap()
    client.delete("Lists")
    client.logout()


@pytest.mark.parametrize("protocol", ["IMAP", "POP3"])
@pytest.mark.parametrize("tls", ["--ssl", "--sslproto ''"])
def test_fetchmail_collects(mailbox, tmp_path, protocol, tls):
    service = protocol.lower() + ("s" if tls == "--ssl" else "")
    settings = tmp_path / "fetchmailrc"
    ssl = "ssl sslcertck" if tls == "--ssl" else 'sslproto ""'
    settings.write_text(
        f"poll home.test via 127.0.0.1 protocol {protocol} port {mailbox.port(service)}\n"
        f'user "alice" password "{mailbox.password("alice")}" {ssl}\n'
        f"sslcertfile {mailbox.ready['certificate']} sslcommonname home.test\nfetchall\n"
        f'mda "cat > {tmp_path}/caught.$$ && mv {tmp_path}/caught.$$ {tmp_path}/got.$$"\n'
    )
    settings.chmod(0o600)
    run(
        need("fetchmail"), "-f", settings, "-i", tmp_path / "ids", "--pidfile", tmp_path / "pid",
        "--nosyslog", env={"HOME": str(tmp_path), "FETCHMAILHOME": str(tmp_path)},
    )  # fmt: skip
    found = [file.read_bytes() for file in tmp_path.glob("got.*")]
    assert_all_letters(found)
    assert mailbox.messages() == []


@pytest.mark.parametrize(
    "retriever", ["SimpleIMAPRetriever", "SimpleIMAPSSLRetriever", "SimplePOP3Retriever",
                  "SimplePOP3SSLRetriever"],
)  # fmt: skip
def test_getmail_collects_and_deletes(mailbox, tmp_path, retriever):
    service = ("imap" if "IMAP" in retriever else "pop3") + ("s" if "SSL" in retriever else "")
    certificates = f"ca_certs = {mailbox.ready['certificate']}\n" if "SSL" in retriever else ""
    (tmp_path / "getmailrc").write_text(
        f"[retriever]\ntype = {retriever}\nserver = localhost\nport = {mailbox.port(service)}\n"
        f"username = alice\npassword = {mailbox.password('alice')}\n{certificates}\n"
        "[destination]\ntype = MDA_external\npath = /bin/sh\nallow_root_commands = true\n"
        f"arguments = ('-c', 'cat > {tmp_path}/got.$$')\n\n"
        "[options]\ndelete = true\nread_all = true\ndelivered_to = false\nreceived = false\n"
    )
    words = [need("getmail"), "--getmaildir", tmp_path, "--rcfile", "getmailrc"]
    run(*words, env={"HOME": str(tmp_path)})
    assert_all_letters([file.read_bytes() for file in tmp_path.glob("got.*")])
    assert mailbox.messages() == []


def test_sieve_connect_keeps_scripts(house, tmp_path):
    script = tmp_path / "lists.sieve"
    script.write_text('require "fileinto";\nif header :contains "subject" "x" {\n  discard;\n}\n')
    words = [
        need("sieve-connect"), "--server", "127.0.0.1", "--port", house.port("managesieve"),
        "--user", "alice", "--passwordfd", "0", "--noclearauth", "--nosslverify",
    ]  # fmt: skip

    def sieve(*more: object) -> str:
        done = subprocess.run(
            [str(w) for w in [*words, *more]],
            input=house.password("alice") + "\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    sieve("--upload", "--localsieve", script, "--remotesieve", "lists")
    assert "lists" in sieve("--list")
    sieve("--activate", "--remotesieve", "lists")
    try:
        assert (house.home("alice") / ".homemail.sieve").is_symlink()
        house.send(LETTERS[0].replace(b"letter", b"x-letter"))
        house.send(LETTERS[1].replace(b"letter", b"plain"))
        [kept] = house.messages()
        assert b"Subject: plain" in kept
    finally:
        sieve("--deactivate")
        sieve("--delete", "--remotesieve", "lists")
