RFC 5490 §3.
==== mail
From: a@example.com

==== case: mailboxexists
# set: exists INBOX,Partners
# expect: fileinto "Partners"
require ["fileinto", "mailbox"];
if allof (mailboxexists "Partners", mailboxexists ["inbox", "Partners"],
          not mailboxexists ["INBOX", "None"], not mailboxexists "..")
{ fileinto "Partners"; }
==== case: create
# expect: fileinto :create "Lists/Sieve"
require ["fileinto", "mailbox"];
fileinto :create "Lists/Sieve";
==== case: create and the other tags
# expect: fileinto :flags "\\Seen" :copy :create "a"
# expect: keep
require ["fileinto", "mailbox", "copy", "imap4flags"];
fileinto :copy :create :flags "\\Seen" "a";
==== case: names
# wrong: 7:10 "" is not the name of a mailbox: an empty part, . or .. in a mailbox name
# wrong: 7:23 "../x" is not the name of a mailbox: an empty part, . or .. in a mailbox name
# wrong: 7:40 "a//b" is not the name of a mailbox: an empty part, . or .. in a mailbox name
# wrong: 7:57 "/etc/passwd" is not the name of a mailbox: an empty part, . or .. in a mailbox name
# wrong: 7:81 "a/" is not the name of a mailbox: an empty part, . or .. in a mailbox name
require ["fileinto"];
fileinto ""; fileinto "../x"; fileinto "a//b"; fileinto "/etc/passwd"; fileinto "a/";
==== case: without require
# wrong: 4:10 ":create" needs: require "mailbox";
# wrong: 4:26 "mailboxexists" needs: require "mailbox";
require "fileinto";
fileinto :create "a"; if mailboxexists "a" { }
