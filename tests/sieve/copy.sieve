RFC 3894.
==== mail
From: a@example.com
Subject: x

==== case: a copy leaves the implicit keep alone
# expect: fileinto :copy "incoming"
# expect: redirect :copy "b@example.com"
# expect: keep
require ["copy", "fileinto"];
fileinto :copy "incoming";
redirect :copy "b@example.com";
==== case: the same mailbox with and without copy
# expect: fileinto "incoming"
require ["copy", "fileinto"];
fileinto :copy "incoming";
fileinto "incoming";
==== case: discard after a copy
# expect: redirect :copy "b@example.com"
# expect: discard
require "copy";
redirect :copy "b@example.com";
discard;
==== case: without require
# wrong: 2:10 ":copy" needs: require "copy";
redirect :copy "b@example.com";
==== case: keep cannot be a copy
# wrong: 2:22 "keep" takes no ":copy"
require "copy"; keep :copy;
