RFC 5703: mime, foreverypart, extracttext.
==== mixed
From: a@example.com
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: multipart/alternative; boundary="c"

--c
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--c
Content-Type: text/html

<p>Hi</p>
--c--
--b
Content-Type: application/PDF; name="x.pdf"
Content-Disposition: attachment; filename*=utf-8''important%20%C3%BC.pdf
Content-From: tim@example.com

PDF
--b--
==== plain
From: a@example.com
Subject: x

Only text
==== image
Content-Type: image/png
Content-MD5: x

x
==== case: the type of the message (RFC 5703 §4.1)
# message: image
# expect: fileinto "INBOX/images"
# message: mixed
# expect: keep
require ["mime", "fileinto"];
if header :mime :type "Content-Type" "image" { fileinto "INBOX/images"; }
==== case: any child (RFC 5703 §4.1)
# message: mixed
# expect: fileinto "INBOX/html"
# message: plain
# expect: keep
require ["mime", "fileinto"];
if header :mime :anychild :contenttype "Content-Type" "text/html" { fileinto "INBOX/html"; }
==== case: parameters in a loop (RFC 5703 §4.1)
# message: mixed
# expect: fileinto "INBOX/important"
# message: plain
# expect: keep
require ["mime", "foreverypart", "fileinto"];
foreverypart {
  if allof (header :mime :param "filename" :contains "Content-Disposition" "important ü",
            header :mime :subtype "Content-Type" "pdf") {
    fileinto "INBOX/important";
    break;
  }
}
==== case: address and exists (RFC 5703 §4.2, §4.3)
# message: mixed
# expect: fileinto "tim"
# message: image
# expect: fileinto "md5"
require ["mime", "fileinto"];
if address :mime :anychild "content-from" "tim@example.com" { fileinto "tim"; }
if exists :mime :anychild "content-md5" { fileinto "md5"; }
if exists :mime "content-from" { discard; }
==== case: text of the first text part, with modifiers (RFC 5703 §7)
# message: mixed
# expect: redirect :copy "a@x.org"
# expect: fileinto "gr"
# message: plain
# expect: fileinto "on"
require ["mime", "foreverypart", "extracttext", "variables", "fileinto", "copy"];
foreverypart {
  if header :mime :type "content-type" "text" {
    extracttext "all";
    if string :contains "${all}" "Grüße" { redirect :copy "a@x.org"; }
  }
  if string "${text}" "" { extracttext :lower :first 2 "text"; }
}
fileinto "${text}";
==== case: loops in loops, and names
# message: mixed
# expect: fileinto "2"
require ["mime", "foreverypart", "fileinto", "variables"];
set "n" "";
foreverypart :name "outer" {
  foreverypart {
    set "n" "${n}x";
    if string "${n}" "xx" { break :name "outer"; }
  }
}
if string "${n}" "xx" { fileinto "2"; }
==== case: mistakes
# wrong: 7:1 there is no loop around it
# wrong: 8:16 there is no loop "b" around it
# wrong: 9:1 "extracttext" stands outside of "foreverypart"
# wrong: 10:4 ":anychild" and what is asked of a field need ":mime"
# wrong: 11:13 "foreverypart" needs a block "{ ... }"
require ["mime", "foreverypart", "extracttext", "variables"];
break;
foreverypart { break :name "b"; }
extracttext "a";
if header :anychild "x" "y" { keep; }
foreverypart;
