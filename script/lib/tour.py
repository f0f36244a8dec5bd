"""tour.py - the whole story, unattended, with what went over the wire

A buyer buys, registers and calls; the hour is sealed and billed.  In the end
three numbers are compared, each from another witness: the calls that the
gateway answered on the buyer's key (counted here), what the ledger metered
(`tallygate status`), and what the Marketplace will bill (the sandbox).

SPDX-License-Identifier: Apache-2.0
"""
import json
import re

import seller
from buyer import Buyer, Page
from stack import check_stop
from wire import Wire

PATHS = ["/countries/DE", "/currencies/EUR", "/languages/deu",
         "/scripts/Latn", "/countries/ZZ"]
BODY_SHOWN = 900                        # characters
HEAD_OF_PAGE = re.compile(r"<head>.*?</head>\n?", re.DOTALL)


def masked(text, secrets):
    """The text with each secret cut to its first characters."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, secret[:4] + "...")
    return text


class Tour:
    def __init__(self, stack, endpoints, quota):
        self.stack = stack
        self.endpoints = endpoints
        self.quota = quota
        self.buyer = Buyer(Wire(self.show), endpoints)
        self.answered = 0
        self.problems = []

    # What is printed

    def step(self, text):
        check_stop()
        print(f"\n=== {text}", flush=True)

    def say(self, text):
        print(masked(text, [self.buyer.key, *self.buyer.cookies.values()]),
              flush=True)

    def show(self, method, url, headers, body, reply):
        """One exchange as it was; long bodies are cut."""
        if self.buyer.key is None and "id=\"api-key\"" in reply.text:
            # The page shows the key before anybody has told us what it is.
            self.buyer.key = Page(reply.text).texts["api-key"].strip()
        lines = [f"> {method} {url}"]
        lines += [f"> {name}: {value}" for name, value in headers.items()]
        if body:
            lines += ["> " + body.decode()]
        lines += [f"< {reply.status} {reply.reason}"]
        for name in ("Content-Type", "x-amzn-ErrorType"):
            if reply.headers.get(name):
                lines += [f"< {name}: {reply.headers[name]}"]
        text = HEAD_OF_PAGE.sub("", reply.text).strip()
        if len(text) > BODY_SHOWN:
            text = text[:BODY_SHOWN] + f" ... ({len(text)} characters)"
        lines += ["< " + line for line in text.splitlines()]
        self.say("\n".join(lines))

    def expect(self, what, found, wanted):
        if found != wanted:
            self.problems.append(f"{what}: expected {wanted!r}, "
                                 f"found {found!r}")
            print(f"!!! {self.problems[-1]}", flush=True)

    # The steps

    def purchase(self):
        self.step("A buyer buys at the (sandbox) Marketplace")
        self.buyer.buy()

    def land(self):
        self.step("The buyer's browser lands on our page; we resolve the "
                  "token and ask for an e-mail address, then show the key")
        self.buyer.register()
        self.say(f"the buyer's key: {self.buyer.key}")

    def call(self, path, status, message=None, key=True):
        """One call, shown in a line."""
        reply = self.buyer.call(path, key)
        self.expect(f"GET {path}", reply.status, status)
        if message is not None:
            self.expect(f"GET {path}", reply.json(), {"message": message})
        return reply

    def calls(self):
        self.step("Calls that are refused, and one that is free")
        self.call("/countries/DE", 403, "Forbidden", key=None)
        self.call("/countries/DE", 403, "Forbidden", key="x" * 40)
        self.call("/no/such/path", 403, "Missing Authentication Token")
        self.call("/health", 200, key=None)

        self.step("The first call with the key")
        self.call("/countries/DE", 200)
        self.answered += 1

        self.step(f"Calls until the quota of {self.quota} is used up "
                  "(one line each), and two beyond")
        listener, self.buyer.wire.listener = self.buyer.wire.listener, None
        for number in range(1, self.quota + 2):
            path = PATHS[number % len(PATHS)]
            reply = self.buyer.call(path)
            self.say(f"GET {path} -> {reply.status} "
                     f"{reply.text.strip()[:60]}")
            if number < self.quota:
                # The backend's 404 is an answer, too: Amazon bills it.
                self.expect(f"GET {path}", reply.status,
                            404 if path.endswith("/ZZ") else 200)
                self.answered += 1
            else:
                self.expect(f"GET {path}", (reply.status, reply.json()),
                            (429, {"message": "Limit Exceeded"}))
        self.buyer.wire.listener = listener

    def seal(self):
        self.step("The hour is closed early: tallygate seal")
        done = self.stack.tallygate("seal")
        self.say(done.stdout + done.stderr)
        self.expect("exit status of tallygate seal", done.returncode, 0)

        self.step("What BatchMeterUsage said and what the Marketplace "
                  "answered (from the Marketplace's own list)")
        calls = self.sandbox_json("calls")["calls"]
        for call in calls:
            if call["operation"] == "BatchMeterUsage":
                self.say(json.dumps(call, indent=2))

    def sandbox_json(self, name):
        url = self.endpoints["sandbox"] + "/_sandbox/" + name
        return self.stack.wire.get(url).json()

    def audit(self):
        self.step("The same call in the audit trail: CloudTrail's "
                  "LookupEvents on the admin listener")
        trail = seller.client(
            "cloudtrail", self.endpoints["admin"],
            seller.Credentials(self.stack.folder / "admin-credentials"))
        events = trail.lookup_events(LookupAttributes=[{
            "AttributeKey": "EventName",
            "AttributeValue": "BatchMeterUsage"}])["Events"]
        records = [json.loads(event["CloudTrailEvent"]) for event in events]
        for record in records:
            self.say(json.dumps(record, indent=2))
        ids = [result["meteringRecordId"] for record in records
               for result in (record["responseElements"] or {})["results"]]
        billed = [record["meteringRecordId"]
                  for record in self.sandbox_json("records")["records"]]
        self.expect("metering records in the audit trail", sorted(ids),
                    sorted(billed))

        self.step("The trail's chain: tallygate audit verify")
        done = self.stack.tallygate("audit", "verify")
        self.say(done.stdout + done.stderr)
        self.expect("exit status of tallygate audit verify",
                    done.returncode, 0)

    def compare(self):
        self.step("The bill")
        status = json.loads(self.stack.tallygate("status", "--json").stdout)
        metered = sum(record["quantity"] for record in status["records"])
        records = self.sandbox_json("records")["records"]
        self.say(json.dumps(records, indent=2))
        billed = sum(record["quantity"] for record in records)
        print(f"\ncalls answered  {self.answered}\n"
              f"metered         {metered}\n"
              f"billed          {billed}", flush=True)
        self.expect("metered", metered, self.answered)
        self.expect("billed", billed, self.answered)

    def run(self):
        """Tells the story; True only if everything was as it should be."""
        for part in (self.purchase, self.land, self.calls, self.seal,
                     self.audit, self.compare):
            part()
        if self.problems:
            print(f"\n{len(self.problems)} things were not as they should "
                  "be:", *self.problems, sep="\n  ")
        else:
            print("\nequal: every call that was answered was metered and "
                  "billed, once")
        return not self.problems
