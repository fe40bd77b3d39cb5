Whole scripts: RFC 5228 §9, and a procmail recipe file of the books in Sieve.
==== sieve-list
From: someone@example.com
To: filters@example.org
Sender: owner-ietf-mta-filters@imc.org
Subject: about filters

==== friend
From: Friend <friend@company.com>
To: me@company.com, other@company.com
Subject: lunch

==== spam
From: unknown@strangers.example
To: undisclosed-recipients:;
Subject: MAKE MONEY FAST!!!

==== chain
From: boss@company.com
To: me@company.com
Subject: please forward this chain letter to everyone

==== large
From: someone@example.com
To: me@company.com
Subject: a file

0123456789012345678901234567890123456789012345678901234567890123456789
==== case: RFC 5228 §9, the extended example (with a smaller size)
# message: sieve-list
# expect: fileinto "filter"
# message: friend
# expect: keep
# message: spam
# expect: fileinto "spam"
# message: chain
# expect: fileinto "spam"
# message: large
# expect: fileinto "personal"
require ["fileinto"];
#
# Handle messages from known mailing lists
# Move messages from IETF filter discussion list to filter mailbox
#
if header :is "Sender" "owner-ietf-mta-filters@imc.org"
        {
        fileinto "filter";  # move to "filter" mailbox
        }
#
# Keep all messages to or from people in my company
#
elsif address :DOMAIN :is ["From", "To"] "example.net"
        {
        keep;               # keep in "In" mailbox
        }
elsif allof (address :domain "From" "company.com", not header :contains "subject" "chain letter")
        {
        keep;
        }
#
# Try and catch unsolicited email.  If a message is not to me,
# or it contains a subject known to be spam, file it away.
#
elsif anyof (NOT address :all :contains
               ["To", "Cc", "Bcc"] "me@company.com",
             header :matches "subject"
               ["*make*money*fast*", "*university*dipl*mas*", "*chain letter*"])
        {
        fileinto "spam";   # move to "spam" mailbox
        }
else
        {
        # Move all other (non-company) mail to "personal"
        # mailbox.
        fileinto "personal";
        }
==== guitars
From: rich@guitar-list.example
To: alice@home.test
Subject: strings

==== network
From: a@example.com
To: alice@home.test
Subject: The network is down

==== other
From: a@example.com
To: alice@home.test
Subject: Test message

==== case: a file of recipes
# message: guitars
# expect: fileinto :copy "messages"
# expect: redirect :copy "rich@ispnet3.net"
# expect: fileinto "guitars"
# message: network
# expect: fileinto :copy "messages"
# expect: vacation :seconds 86400 :subject "Re: The network is down" "Out of the office until 1/4"
# expect: discard
# message: other
# expect: fileinto :copy "messages"
# expect: vacation :seconds 86400 :subject "Re: Test message" "Out of the office until 1/4"
# expect: keep
require ["fileinto", "copy", "envelope", "variables", "vacation"];
fileinto :copy "messages";
if anyof (address :contains "from" "guitar-list",
          envelope :contains "from" "guitar-list") {
    redirect :copy "rich@ispnet3.net";
    fileinto "guitars";
    stop;
}
if header :matches "subject" "*" { set "subj" "${1}"; }
vacation :days 1 :subject "Re: ${subj}" "Out of the office until 1/4";
if header :contains "subject" "network" { discard; stop; }
