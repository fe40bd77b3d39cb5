RFC 5230 and RFC 6131.
==== mail
From: a@example.com
To: alice@home.test
Subject: cyrus bug

==== case: an answer, and the implicit keep
# expect: vacation :seconds 604800 "I'm out"
# expect: keep
require "vacation"; vacation "I'm out";
==== case: all tags
# expect: vacation :seconds 1987200 :subject "Away" :from "Al <al@home.test>" :addresses "tjs@example.edu,ts4z@landru.example.edu" :handle "h" "I'm away until October 19."
# expect: discard
require "vacation";
vacation :days 23 :addresses ["tjs@example.edu", "ts4z@landru.example.edu"] :subject "Away"
  :from "Al <al@home.test>" :handle "h" "I'm away until October 19.";
discard;
==== case: times between the limits of the server (RFC 5230 §4.1)
# expect: vacation :seconds 86400 "a"
# expect: keep
require "vacation"; vacation :days 0 "a";
==== case: and not above them
# expect: vacation :seconds 7776000 "a"
# expect: keep
require "vacation"; vacation :days 3650 "a";
==== case: seconds (RFC 6131)
# expect: vacation :seconds 90000 "a"
# expect: keep
require "vacation-seconds"; vacation :seconds 90000 "a";
==== case: with variables
# expect: vacation :seconds 604800 :subject "Automatic response to: cyrus bug" "cyrus bug?"
# expect: keep
require ["vacation", "variables"];
if header :matches "subject" "*" {
  vacation :subject "Automatic response to: ${1}" "${1}?";
}
==== case: MIME
# expect: vacation :seconds 604800 :mime "Content-Type: text/plain;\r\n charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nAway\r\n"
# expect: keep
require "vacation";
vacation :mime text:
Content-Type: text/plain;
 charset=utf-8
Content-Transfer-Encoding: 8bit

Away
.
;
==== case: MIME that would be another message
# wrong: 4:16 the reason of ":mime" must begin with Content- fields and an empty line
# wrong: 11:16 the reason of ":mime" must begin with Content- fields and an empty line
require "vacation";
vacation :mime text:
Content-Type: text/plain
Bcc: everybody@example.com

Away
.
;
vacation :mime "Away";
==== case: the same, found when the script runs
# fails: 4:16 the reason of ":mime" must begin with Content- fields
require ["vacation", "variables"];
set "type" "Bcc: x";
vacation :mime "${type}";
==== case: one answer for a message (RFC 5230 §4.7)
# fails: 2:34 vacation cannot be used together with vacation
require "vacation"; vacation "a";vacation "a";
==== case: wrong arguments
# wrong: 7:18 ":seconds" and ":days" are both a time between answers
# wrong: 8:16 ":days" needs a number here
# wrong: 9:16 "nobody" is not an address: an address needs a domain
# wrong: 10:10 "vacation" needs a string here
# wrong: 11:10 "vacation" takes no ":day"; did you mean ":days"?
require ["vacation", "vacation-seconds"];
vacation :days 1 :seconds 1 "a";
vacation :days "1" "a";
vacation :from "nobody" "a";
vacation ["a", "b"];
vacation :day 1 "a";
==== case: seconds need their require
# wrong: 2:30 ":seconds" needs: require "vacation-seconds";
require "vacation"; vacation :seconds 1 "a";
==== case: without require
# wrong: 2:1 "vacation" needs: require "vacation";
vacation "a";
