RFC 5231.
==== mail
From: a@example.com
To: b@example.com, c@example.com, d@example.com
Cc: e@example.com
X-Priority: 3 (Normal)
X-Large: 123456789012345678901234567890
X-None: none
Received: one
Received: two

==== case: value
# expect: discard
require ["relational", "comparator-i;ascii-numeric"];
if allof (header :value "lt" :comparator "i;ascii-numeric" "x-priority" "4",
          header :value "GE" :comparator "i;ascii-numeric" "x-priority" "03",
          header :value "gt" :comparator "i;ascii-numeric" "x-large" "99999999999999999999",
          header :value "gt" :comparator "i;ascii-numeric" "x-none" "99999999999999999999",
          header :value "eq" :comparator "i;ascii-numeric" "x-none" "infinite",
          header :comparator "i;ascii-numeric" :is "x-priority" "0003",
          header :value "lt" "from" "b", header :value "ne" "from" "b",
          not header :value "gt" "from" "b", not header :value "le" "x-missing" "z",
          header :value "gt" :comparator "i;octet" "from" "B",
          header :value "lt" "from" "B")
{ discard; }
==== case: count
# expect: discard
require ["relational", "comparator-i;ascii-numeric"];
if allof (address :count "eq" :comparator "i;ascii-numeric" ["to", "cc"] "4",
          header :count "eq" :comparator "i;ascii-numeric" ["to", "cc"] "2",
          header :count "ge" :comparator "i;ascii-numeric" "received" ["5", "2"],
          header :count "eq" :comparator "i;ascii-numeric" "x-missing" "0",
          not header :count "gt" :comparator "i;ascii-numeric" "received" "2")
{ discard; }
==== case: a relation must be one
# wrong: 5:29 expected one of "gt", "ge", "lt", "le", "eq", "ne"
# wrong: 6:25 "header" needs a string or a list of strings behind it
# wrong: 7:18 ":value" needs a string here
require ["relational"];
if header :value "more" "a" "b" { keep; }
if header :count "a" "b" { keep; }
if header :value :is "a" "b" { keep; }
==== case: numbers have no inside
# wrong: 4:55 ":contains" cannot be used with i;ascii-numeric
# wrong: 5:54 ":matches" cannot be used with i;ascii-numeric
require ["comparator-i;ascii-numeric"];
if header :contains :comparator "i;ascii-numeric" "a" "b" { keep; }
if header :matches :comparator "i;ascii-numeric" "a" "b" { keep; }
==== case: without require
# wrong: 3:11 ":value" needs: require "relational";
# wrong: 4:23 "i;ascii-numeric" needs: require "comparator-i;ascii-numeric";
if header :value "eq" "a" "b" { keep; }
if header :comparator "i;ascii-numeric" "a" "b" { keep; }
