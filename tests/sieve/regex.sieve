draft-ietf-sieve-regex.
==== mail
From: Keith <keith@Example.COM>
Subject: [acme-users] [fwd] version 1.0 is out
X-Spam-Score: 12

==== case: regular expressions
# expect: discard
require "regex";
if allof (header :regex "subject" "^\\[[a-z-]+\\]", header :regex "subject" "VERSION [0-9]+\\.[0-9]",
          header :comparator "i;octet" :regex "subject" "version",
          not header :comparator "i;octet" :regex "subject" "VERSION",
          header :regex "x-spam-score" "^([5-9]|[1-9][0-9]+)$",
          address :regex :localpart "from" ["none", "k.{3}h"], not header :regex "subject" "out.")
{ discard; }
==== case: match variables
# expect: fileinto "lists/acme-users/1.0"
require ["regex", "variables", "fileinto"];
if header :regex "subject" "\\[(.*)\\] \\[.*([0-9]\\.[0-9])" { fileinto "lists/${1}/${2}"; }
==== case: a pattern from a variable
# fails: 4:28 a "(" without its ")"
require ["regex", "variables"];
set "a" "(";
if header :regex "subject" "${a}x" { discard; }
==== case: wrong patterns
# wrong: 5:28 a "(" without its ")"
# wrong: 6:28 "\d" has no meaning in a regular expression
# wrong: 7:58 ":regex" cannot be used with i;ascii-numeric
require ["regex", "comparator-i;ascii-numeric"];
if header :regex "subject" "(" { }
if header :regex "subject" "\\d" { }
if header :regex :comparator "i;ascii-numeric" "subject" "1" { }
==== case: without require
# wrong: 2:11 ":regex" needs: require "regex";
if header :regex "subject" "a" { }
