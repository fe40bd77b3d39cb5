RFC 6009, without its redirect-deliverby.
==== mail
From: a@example.com

==== case: what is asked for
# expect: redirect :notify Notify.SUCCESS|FAILURE :ret HDRS "elsewhere@example.com"
require "redirect-dsn"; redirect :notify "success,FAILURE" :ret "hdrs" "elsewhere@example.com";
==== case: never (RFC 6009 §5)
# expect: redirect :copy :notify Notify.NEVER "elsewhere@example.com"
# expect: keep
require ["copy", "redirect-dsn"];
redirect :copy :notify "NEVER" "elsewhere@example.com";
==== case: mistakes
# wrong: 4:18 "NEVER,DELAY" is neither NEVER nor a list of SUCCESS, FAILURE, DELAY
# wrong: 5:15 "ALL" is neither FULL nor HDRS
require "redirect-dsn";
redirect :notify "NEVER,DELAY" "elsewhere@example.com";
redirect :ret "ALL" "elsewhere@example.com";
