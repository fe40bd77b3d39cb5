RFC 5429, and what goes together with what.
==== mail
From: a@example.com

==== case: reject
# expect: reject "I am not here.\r\nGo away.\r\n"
require "reject";
reject text:
I am not here.
Go away.
.
;
==== case: ereject
# expect: ereject "no"
require "ereject"; ereject "no";
==== case: reject cancels the implicit keep, discard does not matter
# expect: reject "no"
# expect: discard
require "reject"; reject "no"; discard;
==== case: a refused message is not delivered (RFC 5429 §2.4)
# fails: 2:25 reject cannot be used together with keep
require "reject"; keep; reject "no";
==== case: nor the other way round
# fails: 2:46 fileinto cannot be used together with reject
require ["reject", "fileinto"]; reject "no"; fileinto "a";
==== case: nor sent on
# fails: 2:32 redirect cannot be used together with reject
require "ereject"; ereject "n";redirect "a@example.com";
==== case: nor answered
# fails: 2:49 reject cannot be used together with vacation
require ["reject", "vacation"]; vacation "away";reject "no";
==== case: nor refused twice
# fails: 2:44 reject cannot be used together with reject
require ["reject", "ereject"]; reject "no";ereject "no";
==== case: without require
# wrong: 3:1 "reject" needs: require "reject";
# wrong: 3:14 "ereject" needs: require "ereject";
reject "no"; ereject "no";
