RFC 5229.
==== mail
From: Wile E. Coyote <wile@ACME.Example.COM>
To: coyote@ACME.Example.COM
Subject: [acme-users] [fwd] version 1.0 is out
List-ID: A list <users.lists@example.com>

==== case: names in any case, unknown ones are empty (RFC 5229 §3)
# expect: fileinto "ACME"
# expect: fileinto "${BADACME"
# expect: fileinto "${President, ACME Inc.}"
# expect: fileinto "&%${}!${doh!}"
require ["variables", "fileinto"];
set "company" "ACME";
fileinto "${COMPANY}${full}"; fileinto "${BAD${Company}"; fileinto "${President, ${Company} Inc.}";
fileinto "&%${}!${doh!}";
==== case: quoting comes first (RFC 5229 §3.1)
# expect: redirect "x@example.com"
# expect: redirect "\"\\\\x\"@example.com"
# expect: redirect "\"${fo\\\\o}\"@example.com"
# expect: redirect "${beep}@example.com"
require "variables";
set "foo" "x"; set "dollar" "$";
redirect "${fo\o}@example.com";
redirect "\"\\\\${foo}\"@example.com";
redirect "\"${fo\\\\o}\"@example.com";
redirect "\"${dollar}{beep}\"@example.com";
==== case: values are those of the moment
# expect: fileinto "one"
# expect: fileinto "two"
require ["variables", "fileinto"];
set "a" "one"; fileinto "${a}"; set "A" "two"; fileinto "${a}";
==== case: one pass only
# expect: fileinto "${b}"
require ["variables", "fileinto"];
set "dollar" "$"; set "a" "${dollar}{b}"; set "b" "no"; fileinto "${a}";
==== case: match variables (RFC 5229 §3.2)
# expect: fileinto "INBOX/lists/acme-users"
# expect: fileinto "[fwd] version 1.0 is out"
# expect: fileinto "[acme-users] [fwd] version 1.0 is out"
# expect: fileinto "users.lists"
# expect: fileinto "business/ACME.Example"
require ["fileinto", "variables"];
if header :matches "Subject" "[*] *" {
    fileinto "INBOX/lists/${1}"; fileinto "${2}${3}"; fileinto "${0}";
}
if header :matches "List-ID" "*<*@*" { fileinto "${02}"; }
if address :matches ["To", "Cc"] ["coyote@**.com", "wile@**.com"] { fileinto "business/${1}${2}"; }
==== case: question marks and pieces between stars
# expect: fileinto "a,c,m,e,-us,rs"
require ["fileinto", "variables"];
if header :matches "Subject" "[????*e*]*" { fileinto "${1},${2},${3},${4},${5},${6}"; }
==== case: the shortest match from the left
# expect: fileinto ",ab,ab"
require ["fileinto", "variables"];
set "v" "abab";
if string :matches "x${v}y" "x*ab*y" { fileinto "${1},ab,${2}"; }
==== case: a match that fails leaves the variables, a test that is not made does too
# expect: fileinto "x1x"
require ["fileinto", "variables"];
if string :matches "1" "*" { }
if string :matches "23" "?" { }
if string :is "2" "2" { }
if anyof (true, string :matches "4" "*") { }
fileinto "x${1}x";
==== case: modifiers (RFC 5229 §4.1)
# expect: keep
require "variables";
set "a" "juMBlEd lETteRS";
set :length "b" "${a}";             if not string "${b}" "15" { discard; }
set :lower "b" "${a}";              if not string :comparator "i;octet" "${b}" "jumbled letters" { discard; }
set :upper "b" "${a}é";             if not string :comparator "i;octet" "${b}" "JUMBLED LETTERSé" { discard; }
set :upperfirst "b" "${a}";         if not string :comparator "i;octet" "${b}" "JuMBlEd lETteRS" { discard; }
set :upperfirst :lower "b" "${a}";  if not string :comparator "i;octet" "${b}" "Jumbled letters" { discard; }
set :lowerfirst :upper "b" "${a}";  if not string :comparator "i;octet" "${b}" "jUMBLED LETTERS" { discard; }
set :quotewildcard "b" "Rock*\\?";  if not string "${b}" "Rock\\*\\\\\\?" { discard; }
set :length :quotewildcard "b" "*"; if not string "${b}" "2" { discard; }
set :length "b" "é";                if not string "${b}" "1" { discard; }
==== case: quotewildcard finds itself
# expect: discard
require "variables";
set :quotewildcard "b" "a*b?c\\d";
if string :matches "xa*b?c\\dx" "*${b}*" { discard; }
==== case: the test string (RFC 5229 §5)
# expect: discard
require ["variables", "relational", "comparator-i;ascii-numeric"];
set "state" "1 pending";
if allof (string :matches " ${state} " "* pending *", not string :is " a" "a",
          string :count "eq" :comparator "i;ascii-numeric" ["", "a", "${none}", "b"] "2",
          string ["a", "b"] ["c", "b"])
{ discard; }
==== case: variables in tests on the message
# expect: discard
require ["variables"];
set "name" "subject"; set "what" "version"; set "star" "*";
if allof (header :contains "${name}" "${what} 1.0", header :matches "${name}" "${star}${what}${star}",
          exists "${name}", not exists "x${name}", address :is "${from}from" "wile@acme.example.com",
          not header :is "${name}" "${what}", not address "${name}" "x")
{ discard; }
==== case: an address that is none when the script runs
# fails: 3:10 "x" is not an address
require "variables"; set "a" "x";
redirect "${a}";
==== case: a mailbox that is none when the script runs
# fails: 3:10 "../x" is not the name of a mailbox
require ["variables", "fileinto"]; set "a" "..";
fileinto "${a}/x";
==== case: a name must be constant and right
# wrong: 7:5 the name of a variable must not depend on variables
# wrong: 7:21 "1" is not the name of a variable
# wrong: 7:34 "a.b" is not the name of a variable
# wrong: 7:49 "" is not the name of a variable
# wrong: 7:61 "a-b" is not the name of a variable
require "variables";
set "${a}" "x"; set "1" "x"; set "a.b" "x"; set "" "x"; set "a-b" "x";
==== case: modifiers that exclude each other
# wrong: 5:12 ":upper" and ":lower" are both a modifier of precedence 40
# wrong: 5:44 ":upperfirst" and ":lowerfirst" are both a modifier of precedence 30
# wrong: 5:69 "set" takes no ":capital"
require "variables";
set :lower :upper "a" "x"; set :lowerfirst :upperfirst "a" "x"; set :capital "a" "x";
==== case: namespaces and high numbers
# wrong: 4:10 no extension gives "${vacation.from}" a meaning
# wrong: 4:39 match variables go up to 99
require "variables";
redirect "${vacation.from}"; redirect "${100}"; redirect "${007}@example.com";
==== case: a comparator must be constant
# wrong: 3:23 a comparator must not depend on variables
require "variables";
if header :comparator "${c}" "a" "b" { keep; }
==== case: without require strings stay as they are
# expect: redirect "${a}@example.com"
redirect "${a}@example.com";
==== case: set and string without require
# wrong: 3:1 "set" needs: require "variables";
# wrong: 3:17 "string" needs: require "variables";
set "a" "b"; if string "a" "b" { keep; }
==== case: values are cut, not refused (RFC 5229 §6)
# expect: discard
require ["variables", "relational", "comparator-i;ascii-numeric"];
set "a" "0123456789abcdef"; set "a" "${a}${a}${a}${a}"; set "a" "${a}${a}${a}${a}";
set "a" "${a}${a}${a}${a}"; set "a" "${a}${a}${a}${a}"; set "a" "${a}${a}${a}${a}";
set "a" "${a}${a}${a}${a}"; set "a" "${a}${a}${a}${a}"; set "a" "${a}${a}${a}${a}";
set :length "l" "${a}";
if string :is "${l}" "65536" { discard; }
==== case: a string that is too long
# fails: 6:15 a string that is too long with its variables
require ["variables"];
set "a" "0123456789abcdef"; set "a" "${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}";
set "b" "${a}"; set "a" "${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}";
set "a" "${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}";
if string "x" "y${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}" { discard; }
