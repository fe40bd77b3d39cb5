The base language (RFC 5228).
==== coyote
From: Wile E. Coyote <coyote@desert.example.org>
To: roadrunner@acme.example.com, "Road, Runner" <Bird@ACME.example.com>
Cc: undisclosed-recipients:;
Subject: I have a present for you
X-Caffeine: C8H10N4O2
X-Empty:
X-Folded: one
  two

Look, I'm sorry about the whole anvil thing, and I really
didn't mean to try and drop it on you from the top of the
cliff.
==== money
From: youcouldberich!@reply-by-postal-mail.invalid
To: rube@landru.example.com
Subject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$
Sender: =?utf-8?q?J=C3=BCrgen?= <owner-ietf-mta-filters@imc.example>

YOU MAY HAVE ALREADY WON TEN MILLION DOLLARS.
==== case: an empty script keeps
# expect: keep
==== case: comments only
# expect: keep
/* this is a comment
   * still a comment ** / */ # and so is this
==== case: a condition that does not hold keeps (RFC 5228 §2.10.2)
# expect: keep
if size :over 500K { discard; }
==== case: size
# message: coyote
# expect: redirect "a@example.com"
if anyof (size :over 1K, size :under 10) { discard; }
if allof (size :over 100, size :under 1M) { redirect "a@example.com"; }
==== case: if, elsif, else (RFC 5228 §3.1)
# message: coyote
# expect: redirect "acm@example.com"
# message: money
# expect: redirect "postmaster@example.com"
if header :contains ["From"] ["coyote"] {
   redirect "acm@example.com";
} elsif header :contains "Subject" "$$$" {
   redirect "postmaster@example.com";
} else {
   redirect "field@example.com";
}
==== case: if, elsif, else, second branch
# message: money
# expect: discard
if header :is "From" "coyote" { keep; }
elsif header :contains "subject" "$$$" { discard; }
else { redirect "x@example.com"; }
==== case: the first branch that holds is taken alone
# expect: discard
if true { discard; } elsif true { keep; } else { keep; }
==== case: nested blocks
# expect: redirect "b@example.com"
if true { if false { keep; } else { if true { redirect "b@example.com"; } } }
==== case: stop
# expect: discard
discard; stop; keep;
==== case: stop inside a block
# expect: keep
if true { stop; }
discard;
==== case: keep and discard
# expect: discard
# expect: keep
discard; keep; keep;
==== case: header, unfolded and trimmed (RFC 5228 §2.4.2.2)
# expect: discard
if allof (header :is "x-caffeine" "C8H10N4O2", header :is "X-Folded" "one  two") { discard; }
==== case: exists and not
# expect: discard
if allof (exists ["From", "X-Empty"], not exists ["From", "X-Missing"]) { discard; }
==== case: an empty key is in every field that is there, and in none that is not
# message: coyote
# expect: discard
if allof (header :contains "X-Caffeine" "", header :is "X-Empty" "",
          not header :contains "X-Missing" "", not header :is "X-Missing" "",
          not header :is "X-Caffeine" "") { discard; }
==== case: comparators
# expect: discard
if allof (header :is :comparator "i;ascii-casemap" "x-caffeine" "c8h10n4o2",
          header "x-caffeine" "c8h10n4o2",
          not header :comparator "i;octet" :is "x-caffeine" "c8h10n4o2",
          not header :contains :comparator "i;octet" "subject" "PRESENT") { discard; }
==== case: the comparators that are always there may be required
# expect: keep
require ["comparator-i;octet", "comparator-i;ascii-casemap"];
==== case: letters beyond ASCII have no case
# message: money
# expect: discard
if allof (header :contains "Sender" "jürgen", not header :contains "Sender" "JÜRGEN") { discard; }
==== case: matches
# expect: discard
if allof (header :matches "subject" "I have*you", header :matches "subject" "?*",
          header :matches "subject" "i ???? a * for*", header :matches "x-empty" "*",
          header :matches "subject" "*present*", header :matches ["x", "x-caffeine"] "C?H??N*2",
          not header :matches "subject" "I have", not header :matches "subject" "*presents*",
          not header :matches "x-empty" "?", not header :matches "x-caffeine" "C8H1*10N4O2")
{ discard; }
==== case: wildcards may be quoted
# message: money
# expect: discard
if allof (header :matches "subject" "\\$\\$\\$ *",
          not header :matches "subject" "\\*", not header :matches "subject" "\\?*")
{ discard; }
==== case: address (RFC 5228 §5.1)
# message: coyote
# expect: discard
if allof (address :is :all "from" "coyote@desert.example.org",
          address "from" "COYOTE@desert.example.org",
          address :is :domain ["to"] "acme.example.com",
          address :is :localpart "to" "bird",
          address :domain :matches "from" "*.org",
          not address :contains "from" "Wile",
          not address :contains "cc" "undisclosed")
{ discard; }
==== case: an address in another field
# wrong: 2:12 the field "subject" is not known to hold addresses
if address "subject" "x" { discard; }
==== case: multi-line text (RFC 5228 §2.4.2)
# expect: redirect "a@example.com"
if header :contains "subject" text: # a comment may stand here
..not there
.
{ discard; }
if not header :is "subject" text:
.
{ redirect "a@example.com"; }
==== case: escapes in strings
# message: coyote
# expect: redirect "\"a b\"@example.com"
redirect "\"\a b\"@example.com";
==== case: an address with a name
# expect: redirect "tim@example.com"
redirect "Tim Example <tim@example.com>";
==== case: the same address twice
# expect: redirect "tim@example.com"
redirect "tim@example.com";
redirect "tim@EXAMPLE.com";
==== case: too many redirects
# fails: 7:1 more than 5 redirects
redirect "a1@example.com";
redirect "a2@example.com";
redirect "a3@example.com";
redirect "a4@example.com";
redirect "a5@example.com";
redirect "a6@example.com";
==== case: no address
# wrong: 3:10 "Undisclosed: a@b.c;" is not an address: not a local part
# wrong: 4:10 "" is not an address: an address needs a domain
redirect "Undisclosed: a@b.c;";
redirect "";
==== case: words in any case
# expect: discard
IF Not FALSE { DISCARD; }
==== case: numbers
# wrong: 3:15 a number that is too large
# wrong: 4:15 "12X" is neither a number nor a word
if size :over 9999999999999999999 { keep; }
if size :over 12X { keep; }
==== case: size without direction
# wrong: 2:4 "size" needs ":over" or ":under"
if size 100 { keep; }
==== case: fileinto needs its require (RFC 5228 §2.10.5)
# wrong: 2:1 "fileinto" needs: require "fileinto";
fileinto "INBOX";
==== case: unknown extensions, and the nearest name
# wrong: 3:10 unknown extension "filinto"; did you mean "fileinto"?
# wrong: 3:21 unknown extension "vnd.example.none"
require ["filinto", "vnd.example.none"];
==== case: require comes first
# wrong: 2:7 "require" must stand before all other commands
keep; require "fileinto";
==== case: several errors at once
# wrong: 5:1 unknown command "kep"; did you mean "keep"?
# wrong: 6:4 unknown test "haeder"; did you mean "header"?
# wrong: 6:21 unknown command "discrad"; did you mean "discard"?
# wrong: 7:6 "keep" takes no ":flag"
kep;
if haeder "a" "b" { discrad; }
keep :flag "x";
==== case: a missing semicolon
# wrong: 3:6 expected ";" before "stop"
# wrong: 4:8 expected ";" after "discard"
keep stop;
discard
==== case: braces
# wrong: 3:9 the block that begins here lacks its "}"
# wrong: 3:15 expected ";" after "keep"
if true { keep
==== case: a brace too many
# wrong: 2:7 a "}" without its "{"
keep; } discard;
==== case: else alone
# wrong: 3:1 "else" without an "if" before it
# wrong: 4:28 "else" without an "if" before it
else { keep; }
if true { } else { keep; } else { }
==== case: arguments
# wrong: 14:4 "header" needs a string or a list of strings behind it
# wrong: 15:19 "header" takes no further argument
# wrong: 16:11 "header" needs a string or a list of strings here
# wrong: 17:19 ":is" must stand before the other arguments
# wrong: 18:15 ":contains" and ":is" are both a match type
# wrong: 19:15 ":is" is given twice
# wrong: 20:11 "header" takes no ":contans"; did you mean ":contains"?
# wrong: 21:30 "header" needs a string or a list of strings behind it
# wrong: 22:23 unknown comparator "i;none"
# wrong: 23:23 ":comparator" needs a string here
# wrong: 24:14 "size" needs a number behind it
# wrong: 25:16 expected "," or "]" in the list, not a string
# wrong: 26:12 expected a string in the list, not "]"
if header { }
if header "a" "b" "c" { }
if header 1 "b" { }
if header "a" "b" :is { }
if header :is :contains "a" "b" { }
if header :is :is "a" "b" { }
if header :contans "a" "b" { }
if header :comparator "a" "b" { }
if header :comparator "i;none" "a" "b" { }
if header :comparator ["i;octet"] "a" "b" { }
if size :over { }
if header ["a" "b"] "c" { }
if header [] "c" { }
==== case: what stands behind arguments
# wrong: 16:19 "keep" does not belong behind "header"
# wrong: 16:23 "if" needs a block "{ ... }"
# wrong: 17:13 "false" does not belong behind "true"
# wrong: 18:11 expected a test, not ")"
# wrong: 19:4 "allof" needs a list of tests in parentheses
# wrong: 20:8 expected ";" or a block, not ","
# wrong: 21:1 "if" needs one test (or allof, anyof)
# wrong: 22:4 "if" needs a test here
# wrong: 23:8 "if" needs a block "{ ... }"
# wrong: 24:6 "stop" takes no further argument
# wrong: 25:8 expected ";" after "discard", not a block
# wrong: 26:1 expected a command, not a string
# wrong: 27:1 unknown command "foo"
# wrong: 28:11 unknown command "bar"
# wrong: 28:14 expected ";" after "bar"
if header "a" "b" keep;
if not true false { }
if allof () { }
if allof { }
if true, false { }
if { }
if "x" { }
if true;
stop "x";
discard { }
"x";
foo bar;
if true { bar }
==== case: strings and comments that do not end
# wrong: 2:7 the string that begins here is not closed
keep; "x
==== case: a comment that does not end
# wrong: 2:7 the comment that begins here is not closed
keep; /* x *
==== case: a text that does not end
# wrong: 2:10 the text that begins here lacks its last line "."
redirect text:
a@example.com
..
==== case: characters without meaning
# wrong: 3:7 "U+0001" has no meaning here
# wrong: 4:1 "§" has no meaning here
keep; 
§ keep;
