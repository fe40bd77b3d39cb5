RFC 5232.
==== mail
From: boss@frobnitzm.example.edu
Subject: x

==== case: the internal variable is for every filing from then on
# expect: fileinto "a"
# expect: fileinto :flags "\\Flagged" "b"
# expect: fileinto :flags "$Junk \\Flagged" "c"
# expect: keep :flags "$Junk"
require ["imap4flags", "fileinto"];
fileinto "a"; addflag "\\Flagged"; fileinto "b"; addflag ["$Junk", "\\flagged"]; fileinto "c";
removeflag "\\FLAGGED nothing"; keep;
==== case: the implicit keep has the flags too
# expect: keep :flags "\\Deleted \\Seen"
require "imap4flags";
setflag "\\Answered"; setflag ["\\Seen \\Deleted", ""];
==== case: :flags replaces the internal variable, and the last one wins (RFC 5232 §3)
# expect: fileinto :flags "Two" :copy "a"
# expect: keep
require ["imap4flags", "fileinto", "copy"];
setflag "Internal";
fileinto :copy :flags "One" "a"; fileinto :flags ["Two"] :copy "a"; keep :flags "";
==== case: what no message can have is ignored (RFC 5232 §2)
# expect: keep :flags "$MDNSent Keyword \\Draft"
require "imap4flags";
setflag ["\\Recent", "\\Other", "a(b", "ünï", "*", "Keyword", "  \\Draft   $MDNSent "];
==== case: variables hold flags (RFC 5232 §3.1)
# expect: fileinto :flags "\\Flagged" "INBOX/From Boss"
require ["imap4flags", "fileinto", "variables"];
if header :contains "from" "boss@frobnitzm.example.edu" {
    setflag "flagvar" "\\Flagged";
    fileinto :flags "${flagvar}" "INBOX/From Boss";
}
==== case: hasflag (RFC 5232 §4)
# expect: keep :flags "A B"
require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];
addflag "A B";
set "MyVar" "NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk $NotJunk";
addflag "Two" "x"; addflag "Two" "x y";
if not allof (hasflag :is "b A", hasflag ["b", "A"], hasflag :contains "MyVar" "Junk",
              hasflag :contains "MyVar" "forward", hasflag :contains "MyVar" ["label", "forward"],
              hasflag :contains "MyVar" "junk forward", not hasflag :contains "MyVar" "label",
              not hasflag :contains "MyVar" ["label1", "label2"], not hasflag "c",
              hasflag :count "ge" :comparator "i;ascii-numeric" "Two" "2",
              hasflag :count "eq" :comparator "i;ascii-numeric" ["Two", "MyVar"] "10",
              hasflag :count "eq" :comparator "i;ascii-numeric" "2")
{ discard; }
==== case: removeflag from a variable
# expect: keep :flags "b"
require ["imap4flags", "variables"];
setflag "v" ["a", "b", "A"]; removeflag "v" "a"; setflag "${v}";
==== case: a variable needs variables
# wrong: 4:9 a variable needs: require "variables";
# wrong: 4:29 a variable needs: require "variables";
require "imap4flags";
setflag "v" "a"; if hasflag "v" "a" { keep; }
==== case: without require
# wrong: 4:6 ":flags" needs: require "imap4flags";
# wrong: 4:18 "setflag" needs: require "imap4flags";
# wrong: 4:34 "hasflag" needs: require "imap4flags";
keep :flags "a"; setflag "b"; if hasflag "b" { keep; }
==== case: no tag for discard
# wrong: 2:31 "discard" takes no ":flags"
require "imap4flags"; discard :flags "a";
