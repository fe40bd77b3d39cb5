RFC 6609.
==== mail
From: spammer@example.com
Subject: $$$

==== script: always_allow
if header "from" "boss@example.com" { keep; }
==== script: spam
require ["fileinto", "include", "variables"];
global "test";
if header :contains "subject" "$$" { set "test" "spam"; set "mine" "no"; }
==== script: moves
require "fileinto"; fileinto "Moved"; stop;
==== script: leaves
require "include"; return; discard;
==== script: wrong
keep;
discrad;
==== script: fails
require "variables"; set "a" "x";
redirect "${a}";
==== script: loop
require "include"; include "loop2";
==== script: loop2
require "include"; include "loop";
==== script: global/house
require "fileinto"; fileinto "House";
==== script: counts
require ["include", "variables"]; set "global.n" "${global.n}x";
==== case: shared variables (RFC 6609 §3.4.1)
# expect: fileinto "spam"
require ["include", "variables", "fileinto"];
global "test"; set "mine" "yes";
include :personal "always_allow"; include "spam";
if allof (string "${test}" "spam", string "${mine}" "yes") { fileinto "${test}"; }
==== case: the namespace (RFC 6609 §3.4.2)
# expect: fileinto "xx"
require ["include", "variables", "fileinto"];
include "counts"; include :once "counts"; include "counts"; fileinto "${global.n}";
==== case: stop ends all, return ends one
# expect: fileinto "Moved"
require ["include", "fileinto"];
include "leaves"; include "moves"; discard;
==== case: return at the top ends the script
# expect: keep
require "include"; return; discard;
==== case: a script of the house
# expect: fileinto "House"
require "include"; include :global "house";
==== case: missing, but optional
# expect: keep
require "include"; include :optional "nobody"; include :optional :global "spam";
==== case: missing is an error when its turn comes
# fails: 3:1 "nobody" cannot be included: there is no such script
require "include";
include "nobody";
==== case: never reached
# expect: keep
require "include"; if false { include "nobody"; }
==== case: wrong
# fails: 2:20 "wrong" cannot be included: it has errors: line 2, column 1: unknown command "discrad"
require "include"; include "wrong";
==== case: fails inside
# fails: 2:20 in "fails", line 2, column 10: "x" is not an address
require "include"; include "fails";
==== case: a loop
# fails: 2:20 in "loop", line 1, column 20: in "loop2", line 1, column 20: "loop" cannot be included: scripts include each other
require "include"; include "loop";
==== case: names are known while compiling; global needs variables
# wrong: 4:9 the name of a script must not depend on variables
# wrong: 5:22 ":global" and ":personal" are both a place of scripts
require ["include", "variables"];
include "${a}";
include :personal    :global "a";
==== case: the namespace needs include
# wrong: 2:30 no extension gives "${global.x}" a meaning
require "variables"; set "a" "${global.x}";
