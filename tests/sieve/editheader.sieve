RFC 5293.
==== mail
From: a@example.com
X-Hello: one
X-Hello: two
Received: by x
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=

==== case: add at the top and at the end
# expect: keep :header "X-Sieve-Filtered: <kim@job.example.com>|From: a@example.com|X-Hello: one|X-Hello: two|Received: by x|Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=|X-Last: z"
require "editheader";
addheader "X-Sieve-Filtered" "<kim@job.example.com>";
addheader :last "X-Last" "z";
==== case: later tests see what was added, and actions take the header as it stands then
# expect: fileinto :copy "before"
# expect: fileinto :copy :header "X-A: Gr|From: a@example.com|X-Hello: one|X-Hello: two|Received: by x|Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=" "after"
# expect: keep :header "From: a@example.com|X-Hello: one|X-Hello: two|Received: by x|Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?="
require ["editheader", "fileinto", "copy"];
fileinto :copy "before";
addheader "X-A" "Gr";
if header "x-a" "gr" { fileinto :copy "after"; }
deleteheader "x-a";
==== case: words beyond ASCII are encoded
# expect: keep :header "X-A: =?utf-8?b?w6TDtsO8?=|From: a@example.com|X-Hello: one|X-Hello: two|Received: by x|Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?="
require "editheader"; addheader "X-A" "äöü";
==== case: delete all of a name (RFC 5293 §5)
# expect: keep :header "From: a@example.com|Received: by x|Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?="
require "editheader"; deleteheader "X-HELLO";
==== case: delete by index and from the end
# expect: keep :header "From: a@example.com|X-Hello: two|Received: by x|Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?="
require "editheader"; deleteheader :index 1 "X-Hello"; deleteheader :index 2 :last "X-Hello";
==== case: delete by value, decoded
# expect: keep :header "From: a@example.com|X-Hello: one|Received: by x"
require "editheader";
deleteheader :contains "X-Hello" ["w", "q"];
deleteheader :is "subject" "Grüße";
==== case: what is protected stays
# expect: keep
require "editheader"; deleteheader "Received"; addheader "Auto-Submitted" "no"; deleteheader "X-None";
==== case: what cannot be a field
# wrong: 5:11 "X A" is not the name of a field
# wrong: 6:17 the value of a field must not hold line ends
# wrong: 8:1 ":last" needs ":index"
require "editheader";
addheader "X A" "a";
addheader "X-A" "a
Bcc: everybody@example.com";
deleteheader :last "X-A";
==== case: line ends out of variables
# fails: 4:17 the value of a field must not hold line ends
require ["editheader", "variables", "encoded-character"];
set "a" "x${hex:0d 0a}Bcc: y@example.com";
addheader "X-A" "${a}";
