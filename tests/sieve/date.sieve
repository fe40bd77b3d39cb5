RFC 5260 §4, RFC 5260 §5. The clock says 2026-11-21T10:00:00+01:00, a Saturday.
==== mail
Received: from one.example by two.example; Tue, 1 Apr 2008 23:30:00 -0600
Received: from zero.example by one.example; Mon, 31 Mar 2008 12:00:00 +0000
Date: Tue, 1 Apr 2008 09:06:31 +0200 (CEST)
X-Bad: January 32nd
X-Feb: Fri, 29 Feb 2007 09:00:00 +0000

==== case: parts in the original zone
# expect: discard
require ["date"];
if allof (date :originalzone "date" "year" "2008", date :originalzone "date" "month" "04",
          date :originalzone "date" "day" "01", date :originalzone "date" "date" "2008-04-01",
          date :originalzone "date" "julian" "54557", date :originalzone "date" "hour" "09",
          date :originalzone "date" "minute" "06", date :originalzone "date" "second" "31",
          date :originalzone "date" "time" "09:06:31",
          date :originalzone "date" "iso8601" "2008-04-01T09:06:31+02:00",
          date :originalzone "date" "std11" "tue, 1 apr 2008 09:06:31 +0200",
          date :originalzone "DATE" "ZONE" "+0200", date :originalzone "date" "weekday" "2")
{ discard; }
==== case: shifted zones
# expect: discard
require ["date"];
if allof (date "date" "hour" "08", date "date" "zone" "+0100",
          date :zone "+0000" "date" "iso8601" "2008-04-01T07:06:31Z",
          date :zone "-0930" "date" "iso8601" "2008-03-31T21:36:31-09:30",
          date :zone "-0930" "date" "julian" "54556", date :zone "+0000" "date" "zone" "+0000")
{ discard; }
==== case: the date behind a semicolon, in the first field
# expect: discard
require ["date", "relational"];
if allof (date :is :originalzone "received" "hour" "23", date :value "ge" "received" "date" "2008-04-02",
          not date :originalzone "received" "hour" "12")
{ discard; }
==== case: what is no date never matches
# expect: discard
require ["date", "relational", "comparator-i;ascii-numeric"];
if allof (not date :contains "x-bad" "date" "", not date :contains "x-feb" "date" "",
          not date :contains "x-missing" "date" "",
          date :count "eq" :comparator "i;ascii-numeric" "date" "date" "1",
          date :count "eq" :comparator "i;ascii-numeric" "x-bad" "date" "0")
{ discard; }
==== case: currentdate
# expect: fileinto "11-2026"
require ["date", "relational", "variables", "fileinto"];
if not allof (currentdate :is "weekday" "6", currentdate :value "ge" "hour" "09",
              currentdate :zone "+0000" "iso8601" "2026-11-21T09:00:00Z", currentdate "zone" "+0100")
{ discard; }
if currentdate :matches "month" "*" { set "month" "${1}"; }
if currentdate :matches "year"  "*" { set "year"  "${1}"; }
fileinto "${month}-${year}";
==== case: wrong parts and zones
# wrong: 8:16 "century" is no part of a date: one of year, month, day, date, julian, hour, minute, second, time, iso8601, std11, zone, weekday
# wrong: 9:15 "CET" is no time zone such as "+0100"
# wrong: 10:15 "+0161" is no time zone such as "+0100"
# wrong: 11:23 ":originalzone" and ":zone" are both a time zone
# wrong: 12:9 "date" needs a string here
# wrong: 13:16 "currentdate" takes no ":originalzone"
require "date";
if date "date" "century" "21" { }
if date :zone "CET" "date" "hour" "1" { }
if date :zone "+0161" "date" "hour" "1" { }
if date :zone "+0100" :originalzone "date" "hour" "1" { }
if date ["date", "received"] "hour" "1" { }
if currentdate :originalzone "hour" "1" { }
==== case: index (RFC 5260 §6)
# expect: discard
require ["date", "index", "relational"];
if allof (date :index 2 :originalzone "received" "hour" "12",
          date :index 1 :last :originalzone "received" "hour" "12",
          date :last :index 2 :originalzone "received" "hour" "23",
          not date :index 3 :originalzone "received" "hour" "12",
          header :index 2 :contains "received" "zero", not header :index 1 :contains "received" "zero",
          header :index 3 :contains ["received", "date"] "+0200",
          not header :index 4 :last :contains ["received", "x-bad"] "one")
{ discard; }
==== case: index, wrong
# wrong: 5:4 ":last" needs ":index"
# wrong: 6:18 fields are counted from 1
# wrong: 7:11 "exists" takes no ":index"
require ["index"];
if header :last "a" "b" { }
if header :index 0 "a" "b" { }
if exists :index 1 "a" { }
==== case: without require
# wrong: 4:4 "date" needs: require "date";
# wrong: 5:4 "currentdate" needs: require "date";
# wrong: 6:11 ":index" needs: require "index";
if date "date" "hour" "1" { }
if currentdate "hour" "1" { }
if header :index 1 "a" "b" { }
==== lists
From: a@example.com
To: b@example.com, c@example.com
To: d@example.com

==== case: index counts fields, not addresses (RFC 5260 §6)
# message: lists
# expect: discard
require "index";
if allof (address :index 1 "to" "c@example.com", address :index 2 "to" "d@example.com",
          not address :index 2 "to" "c@example.com", address :index 3 ["from", "to"] "d@example.com")
{ discard; }
