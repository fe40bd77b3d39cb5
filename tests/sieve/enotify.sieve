RFC 5435, RFC 5436.
==== mail
From: Coyote <coyote@desert.example>
To: alice@home.test
Subject: [acme-users] Your new anvil

==== case: the message is the subject (RFC 5436 §3)
# expect: notify :importance 1 :message "coyote@desert.example: Your new anvil" "0123456789@sms.example.net"
# expect: fileinto "Anvils"
require ["enotify", "fileinto", "variables"];
if header :matches "subject" "[acme-users] *" {
  set "subject" "${1}";
}
if address :matches "from" "*" { set "from" "${1}"; }
notify :importance "1" :message "${from}: ${subject}" "mailto:0123456789@sms.example.net";
fileinto "Anvils";
==== case: fields of the URI, unsafe ones left out
# expect: notify "a@x.org,b@x.org,c@x.org" "x-n=1 2" "body=Hello~you"
# expect: keep
require "enotify";
notify "mailto:a@x.org,b%40x.org?to=c@x.org&from=evil@x.org&X-N=1%202&auto-submitted=no&body=Hello%0D%0Ayou";
==== case: sender and options
# expect: notify :from "Al <alice@home.test>" "a@x.org"
# expect: keep
require "enotify"; notify :options ["x=y"] :from "Al <alice@home.test>" "mailto:a@x.org";
==== case: the same one counts once
# expect: notify "a@x.org"
# expect: reject "no"
require ["enotify", "reject"]; notify "mailto:a@x.org"; notify "mailto:a@x.org"; reject "no";
==== case: valid methods (RFC 5435 §4)
# expect: notify "a@x.org"
# expect: keep
require "enotify";
if not valid_notify_method ["mailto:a@x.org", "http://x.org/"] {
  if valid_notify_method ["mailto:a@x.org"] { notify "mailto:a@x.org"; }
}
==== case: capabilities (RFC 5435 §5)
# expect: notify "a@x.org"
# expect: keep
require "enotify";
if notify_method_capability "mailto:a@x.org" "Online" ["yes", "maybe"] { notify "mailto:a@x.org"; }
if notify_method_capability "xmpp:a@x.org" "Online" ["yes", "maybe"] { discard; }
if notify_method_capability "mailto:a@x.org" "colour" ["maybe"] { discard; }
==== case: encodeurl (RFC 5435 §6)
# expect: notify "a@x.org" "body=Safe body & x?"
# expect: keep
require ["enotify", "variables"];
set :encodeurl "body" "Safe body & x?";
notify "mailto:a@x.org?body=${body}";
==== case: without enotify there is no encodeurl
# wrong: 2:26 ":encodeurl" needs: require "enotify";
require "variables"; set :encodeurl "a" "b";
==== case: mistakes
# wrong: 6:8 "xmpp:a@x.org" is not a method
# wrong: 7:8 a mailto: URI without an address
# wrong: 8:20 the importance is "1" (high), "2" or "3" (low)
# wrong: 9:8 "not an address" is not an address
require "enotify";
notify "xmpp:a@x.org";
notify "mailto:?subject=x";
notify :importance "4" "mailto:a@x.org";
notify "mailto:not%20an%20address";
==== case: not a bomb
# fails: 3:1 more than 5 redirects
require "enotify"; redirect "a@x.org"; redirect "b@x.org";
notify "mailto:a@x.org,b@x.org,c@x.org,d@x.org";
