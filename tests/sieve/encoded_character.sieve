RFC 5228 §2.4.2.4.
==== mail
Subject: $$$ for dear Ethelbert
X-Euro: =?utf-8?q?=E2=82=AC?=

==== case: the examples
# expect: discard
require "encoded-character";
if allof (header :contains "Subject" "$${hex:24 24}", header :contains "Subject" "${hex:  24 24
  24}", header :contains "Subject" "${UNICODE:24 000024}$") { discard; }
==== case: octets and characters
# expect: discard
require "encoded-character";
if allof (header "X-Euro" "${hex:E2 82 ac}", header "x-euro" "${unicode:20AC}",
          header "x-euro" "${hex:E2}${hex: 82}${hex:AC }") { discard; }
==== case: what is not well-formed stays
# expect: redirect "\"${hex:}\"@example.com"
# expect: redirect "\"${hex:4g}\"@example.com"
# expect: redirect "\"${hex:404}\"@example.com"
# expect: redirect "\"${unicode:x}\"@example.com"
# expect: redirect "\"${unicode:110000\"@example.com"
require "encoded-character";
redirect "\"${hex:}\"@example.com"; redirect "\"${hex:4g}\"@example.com";
redirect "\"${hex:404}\"@example.com"; redirect "\"${unicode:x}\"@example.com";
redirect "\"${unicode:110000\"@example.com";
==== case: numbers that are no characters
# wrong: 5:10 "200000" is not the number of a character
# wrong: 5:40 "D800" is not the number of a character
# wrong: 5:68 "1000000041" is not the number of a character
require "encoded-character";
redirect "${unicode:200000}"; redirect "${unicode:D800}"; redirect "${unicode:1000000041}";
==== case: decoded before variables are put in (RFC 5229 §3.1)
# expect: discard
require ["variables", "encoded-character"];
set "name" "Ethelbert";
if header :contains "Subject" "dear${hex:20 24 7b 4e}ame}" { discard; }
==== case: without require
# expect: redirect "\"${hex:40}\"@example.com"
redirect "\"${hex:40}\"@example.com";
