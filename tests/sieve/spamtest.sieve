RFC 5235, RFC 6134.
==== spam
From: friend@example.com
X-Spam-Status: Yes, score=7.6 required=5.0
X-Virus-Status: Infected by EICAR

==== clean
From: other@example.com
X-Spam-Status: No, score=-1.2
X-Virus-Status: Clean

==== untested
From: Friend@Example.com

==== case: spam (RFC 5235 §3.2.1)
# message: spam
# expect: fileinto "8"
# message: clean
# expect: fileinto "1"
# message: untested
# expect: fileinto "0"
require ["spamtest", "relational", "comparator-i;ascii-numeric", "fileinto"];
if spamtest :value "eq" :comparator "i;ascii-numeric" "0" { fileinto "0"; }
elsif spamtest :value "ge" :comparator "i;ascii-numeric" "8" { fileinto "8"; }
elsif spamtest "1" { fileinto "1"; }
==== case: in percent (RFC 5235 §3.2.2)
# message: spam
# expect: fileinto "76"
# message: clean
# expect: fileinto "0"
# message: untested
# expect: fileinto "untested"
require ["spamtestplus", "relational", "comparator-i;ascii-numeric", "fileinto"];
if spamtest :percent :count "eq" :comparator "i;ascii-numeric" "0" { fileinto "untested"; }
elsif spamtest :percent :value "gt" :comparator "i;ascii-numeric" "75" { fileinto "76"; }
elsif spamtest :percent "0" { fileinto "0"; }
==== case: percent needs spamtestplus
# wrong: 2:33 ":percent" needs: require "spamtestplus";
require "spamtest"; if spamtest :percent "1" { discard; }
==== case: viruses (RFC 5235 §3.3)
# message: spam
# expect: discard
# message: clean
# expect: keep
# message: untested
# expect: fileinto "untested"
require ["virustest", "relational", "comparator-i;ascii-numeric", "fileinto"];
if virustest :value "eq" :comparator "i;ascii-numeric" "0" { fileinto "untested"; }
elsif virustest :value "eq" :comparator "i;ascii-numeric" "5" { discard; }
==== case: people in the address book (RFC 6134 §2.7)
# set: list.default friend@example.com,b@x.org
# message: untested
# expect: fileinto "friend@example.com"
# message: clean
# expect: keep
require ["extlists", "fileinto", "variables"];
if address :list "from" ":AddrBook:%44efault" { fileinto "${0}"; }
==== case: redirect to a list (RFC 6134 §2.3)
# set: list.team a@x.org,b@x.org
# expect: redirect :copy "a@x.org"
# expect: redirect :copy "b@x.org"
# expect: keep
require ["extlists", "copy"];
redirect :copy :list "urn:ietf:params:sieve:addrbook:team";
redirect :copy "a@x.org";
==== case: lists that are not there
# expect: keep
require "extlists";
if valid_ext_list [":addrbook:default", ":addrbook:none"] { discard; }
if valid_ext_list "tag:example.org:x" { discard; }
if not valid_ext_list ":addrbook:default" { discard; }
if address :list "from" ":addrbook:default" { discard; }
==== case: to ask one that is not there is an error
# fails: 2:44 there is no list ":addrbook:none"
require "extlists"; if header :list "from" ":addrbook:none" { discard; }
==== case: no comparator (RFC 6134 §2.2)
# wrong: 3:46 ":list" takes no comparator
require "extlists";
if header :list :comparator "i;octet" "from" ":addrbook:default" { discard; }
==== case: not a bomb
# set: list.team a@x.org,b@x.org,c@x.org,d@x.org,e@x.org,f@x.org
# fails: 3:21 more than 5 redirects
require "extlists"; redirect :list ":addrbook:team";
