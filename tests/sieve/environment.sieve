RFC 5183.
==== mail
From: a@example.com

==== case: items
# set: environment.remote-ip 192.0.2.1
# expect: discard
require ["environment", "relational", "comparator-i;ascii-numeric"];
if allof (environment "name" "homemail", environment :matches "version" "?*",
          environment "location" "MDA", environment "phase" "during", environment :matches "remote-ip" "192.0.2.*",
          environment :count "eq" :comparator "i;ascii-numeric" "remote-ip" "1",
          not environment :contains "remote-host" "", not environment :contains "vnd.none" "")
{ discard; }
==== case: without require
# wrong: 2:4 "environment" needs: require "environment";
if environment "name" "x" { }
