RFC 5233.
==== mail
From: a@example.com
To: ken+sieve@example.org, nobody+@example.org, plain@example.org, +odd@example.org

==== case: in the envelope
# envelope: <a@example.com> <alice+lists+sieve@home.test>
# expect: fileinto "lists"
require ["envelope", "subaddress", "fileinto"];
if allof (envelope :user "to" "alice", envelope :detail "to" "lists+sieve") { fileinto "lists"; }
==== case: in the header
# expect: discard
require "subaddress";
if allof (address :detail "to" "sieve", address :detail "to" "", address :user "to" "nobody",
          address :user "to" "plain", address :user "to" "+odd",
          not address :detail "to" "odd", not address :detail "from" "",
          not address :detail :contains "from" "")
{ discard; }
==== case: another delimiter, each letter counts
# set: delimiter -=
# envelope: <a@example.com> <alice=lists-x@home.test>
# expect: discard
require ["envelope", "subaddress"];
if allof (envelope :detail "to" "lists-x", envelope :user "to" "alice") { discard; }
==== case: without require
# wrong: 2:12 ":detail" needs: require "subaddress";
if address :detail "to" "x" { discard; }
