RFC 5463.
==== mail
From: a@example.com
Subject: x

==== case: an extension that is there
# expect: fileinto "a"
require "ihave";
if ihave "fileinto" { fileinto "a"; }
==== case: and may be used from then on, outside of the block too
# expect: fileinto "a"
require "ihave";
if not ihave ["fileinto", "comparator-i;ascii-numeric"] { error "no"; }
fileinto "a";
==== case: one that is not there
# expect: redirect "a@example.com"
require "ihave";
if ihave ["fileinto", "vnd.example.teleport"] { teleport :now "a"; fileinto "a"; }
elsif anyof (allof (ihave "vnd.example.none", none "x"), true) { redirect "a@example.com"; }
==== case: what is not there fails when it is reached
# fails: 4:1 unknown command "teleport"
require "ihave";
if ihave "vnd.example.teleport" { keep; }
teleport "a";
==== case: error ends the script
# fails: 2:26 spam filter needed: é
require "ihave"; discard;error "spam filter needed: é";
==== case: not before the test
# wrong: 3:1 "fileinto" needs: require "fileinto";
require "ihave";
fileinto "a";
if ihave "fileinto" { }
==== case: not for what changes how strings are read (RFC 5463 §4)
# expect: redirect "${a}@example.com"
require "ihave";
if anyof (ihave "variables", ihave "encoded-character") { discard; }
redirect "${a}@example.com";
==== case: but where they are required anyway
# expect: discard
require ["ihave", "variables"];
if ihave "variables" { discard; }
==== case: names are constant
# wrong: 3:10 an extension must not depend on variables
require ["ihave", "variables"];
if ihave "${x}" { }
==== case: without require
# wrong: 3:4 "ihave" needs: require "ihave";
# wrong: 3:23 "error" needs: require "ihave";
if ihave "fileinto" { error "x"; }
