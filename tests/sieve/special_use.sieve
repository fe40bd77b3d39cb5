RFC 8579, and RFC 8580.
==== mail
From: a@example.com
To: alice@home.test
Subject: x

==== case: the mailbox that is for it (RFC 8579 §4)
# set: use.\Junk Spam
# expect: fileinto :specialuse "\\Junk" :create "Spam"
require ["fileinto", "special-use", "mailbox"];
fileinto :specialuse "\\Junk" :create "INBOX/Junk";
==== case: the named one where none is
# expect: fileinto :specialuse "\\Junk" "Trash"
require ["fileinto", "special-use"]; fileinto :specialuse "\\Junk" "Trash";
==== case: specialuse_exists (RFC 8579 §3)
# set: use.\Junk Spam
# set: use.\Sent Sent
# expect: fileinto "yes"
require ["fileinto", "special-use"];
if specialuse_exists "\\Archive" { discard; }
if specialuse_exists ["\\Junk", "\\Archive"] { discard; }
if specialuse_exists "Spam" ["\\Junk", "\\Sent"] { discard; }
if allof (specialuse_exists ["\\Junk", "\\Sent"], specialuse_exists "Spam" "\\Junk") { fileinto "yes"; }
==== case: no attribute
# wrong: 2:59 "Junk" is no attribute of a mailbox
require ["fileinto", "special-use"]; fileinto :specialuse "Junk" "Spam";
==== case: a copy of the answer (RFC 8580 §3.1)
# expect: vacation :seconds 604800 :fcc (fileinto :flags "\\Seen" :copy :create "INBOX/Sent") "Gone"
# expect: keep
require ["vacation", "fcc", "mailbox", "imap4flags"];
vacation :fcc "INBOX/Sent" :create :flags ["\\Seen"] "Gone";
==== case: a copy where sent mail goes (RFC 8580 §3.1.4)
# set: use.\Sent Out
# expect: notify :fcc (fileinto :copy :specialuse "\\Sent" "Out") "a@x.org"
# expect: keep
require ["enotify", "fcc", "special-use"];
notify :fcc "Sent" :specialuse "\\Sent" "mailto:a@x.org";
==== case: what belongs to other extensions
# wrong: 4:1 ":create" needs: require "mailbox";
# wrong: 5:1 ":flags", ":create" and ":specialuse" of "vacation" need ":fcc"
require ["vacation", "fcc"]; 
vacation :fcc "Sent" :create "a";
vacation :flags "\\Seen" "a";
