RFC 7352.
==== mail
From: a@example.com
Message-ID: <1@example.com>
X-Event-ID: 17

==== case: the first time
# expect: keep
# seen: ~header~message-id~<1@example.com>
require "duplicate"; if duplicate { discard; stop; }
==== case: the second time (RFC 7352 §7.1)
# set: seen ~header~message-id~<1@example.com>
# expect: discard
require "duplicate"; if duplicate { discard; stop; }
==== case: last counts from the latest (RFC 7352 §7.2)
# set: seen ~header~message-id~<1@example.com>
# expect: discard
# seen: ~header~message-id~<1@example.com>
require "duplicate"; if duplicate :last :seconds 1800 { discard; }
==== case: by a field, with a handle (RFC 7352 §7.3)
# expect: keep
# seen: notifier~header~x-event-id~17
require "duplicate"; if duplicate :header "X-Event-ID" :handle "notifier" { discard; }
==== case: by what the script says
# expect: keep
# seen: ~uniqueid~a@example.com
require ["duplicate", "variables"];
if header :matches "from" "*" { set "id" "${0}"; }
if duplicate :uniqueid "${id}" { discard; }
==== case: without the field there is nothing to compare
# expect: keep
require "duplicate"; if duplicate :header "X-None" { discard; }
==== case: one id only
# wrong: 2:47 ":uniqueid" and ":header" are both a source of the id
require "duplicate"; if duplicate :header "x" :uniqueid "y" { discard; }
==== case: a script that fails is not one that has seen
# fails: 4:1
require ["duplicate", "variables"];
if duplicate { discard; } set "a" "x";
redirect "${a}";
