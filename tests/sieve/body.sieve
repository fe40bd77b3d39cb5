RFC 5173; the message is the one of its §5.2.
==== mime
From: Whomever
To: Someone
Date: Whenever
Subject: whatever
Content-Type: multipart/mixed; boundary=outer

  This is a multi-part message in MIME format.

--outer
Content-Type: multipart/alternative; boundary=inner

  This is a nested multi-part message in MIME format.

--inner
Content-Type: text/plain; charset="us-ascii"

  Hello

--inner
Content-Type: text/html; charset="us-ascii"

  <html><body>Hello</body></html>

--inner--

  This is the end of the inner MIME multipart.

--outer
Content-Type: message/rfc822

From: Someone Else
Subject: hello request

  Please say Hello

--outer--

  This is the end of the outer MIME multipart.
==== encoded
From: a@example.com
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

make m=F6ney fas=
t
==== base64
From: a@example.com
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: audio/mp3
Content-Transfer-Encoding: base64

SGVsbG8gd29ybGQ=
--b--
==== case: content
# message: mime
# expect: discard
require "body";
if allof (body :content "multipart" :contains "MIME",
          body :content "multipart" :contains "end of the inner",
          body :content "multipart/alternative" :contains "nested",
          not body :content "multipart/alternative" :contains "outer",
          not body :content "multipart" :contains "Hello",
          body :content "text/plain" :contains "Please say Hello",
          not body :content "text/plain" :contains "<html>",
          body :content "text/html" :contains "<html><body>Hello",
          body :content "TEXT" :contains "<body>",
          body :content "message/rfc822" :contains "hello request",
          not body :content "message/rfc822" :contains "Please",
          body :content "" :contains "Someone Else",
          not body :content "audio" :contains "",
          not body :content ["audio/mp3", "image"] :contains "")
{ discard; }
==== case: text, decoded
# message: encoded
# expect: discard
require "body";
if allof (body :contains "möney fast", body :text :contains "MAKE",
          body :raw :contains "m=F6ney", not body :raw :contains "möney",
          body :content "text" :matches "make*fast*")
{ discard; }
==== case: any content is decoded
# message: base64
# expect: discard
require "body";
if allof (body :content "audio/mp3" :contains "", body :content "audio" :is "Hello world",
          body :raw :contains "SGVsbG8", not body :contains "Hello", body :raw :contains "--b--")
{ discard; }
==== case: no match variables (RFC 5173 §6)
# message: encoded
# expect: fileinto "x"
require ["body", "variables", "fileinto"];
if body :matches "make*" { fileinto "x${1}"; }
==== case: wrong
# wrong: 5:14 ":text" and ":raw" are both a body transform
# wrong: 6:18 ":content" needs a string or a list of strings here
# wrong: 7:13 "body" takes no further argument
require "body";
if body :raw :text "x" { }
if body :content :contains "x" { }
if body "x" "y" { }
==== case: without require
# wrong: 2:4 "body" needs: require "body";
if body "x" { }
