RFC 5228 §5.4.
==== mail
From: other@example.com
To: list@example.org

==== case: from and to
# envelope: <tim@Example.COM> <alice+lists@home.test>
# expect: discard
require "envelope";
if allof (envelope :all :is "from" "tim@example.com",
          envelope :localpart "to" "alice+lists",
          envelope :domain :contains ["from", "to"] "home",
          envelope :matches "FROM" "*@example.*",
          not envelope "from" "other@example.com")
{ discard; }
==== case: the null reverse-path is the empty text (RFC 5228 §5.4)
# envelope: <> <alice@home.test>
# expect: discard
require "envelope";
if allof (envelope "from" "", envelope :localpart "from" "", envelope :domain "from" "",
          envelope :contains "from" "", not envelope :matches "from" "?*")
{ discard; }
==== case: unknown parts
# wrong: 3:22 "helo" is no part of the envelope: "from" or "to"
require "envelope";
if envelope ["from", "helo"] "x" { discard; }
==== case: without require
# wrong: 2:4 "envelope" needs: require "envelope";
if envelope "from" "x" { discard; }
