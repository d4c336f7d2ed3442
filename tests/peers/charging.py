"""What the scripts without a hub share: the file, the journal, the request, and what an answer means.

One thread writes intents and outcomes with sqlite3, and what is queued shares a commit. Nothing is sent before its
intent is durable, and a line of the results is written after its outcome is.
"""

import asyncio
import csv
import queue
import sqlite3
import threading

BATCH_MAX = 512
PATH = "/billing/payments/charge/"


class Journal:
    """Writes intents and outcomes durably, a batch at a time."""

    def __init__(self, path):
        self.loop = asyncio.get_running_loop()
        self.queue = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.write, args=(path,))
        self.thread.start()

    def write(self, path):
        database = sqlite3.connect(path, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE steps (key TEXT PRIMARY KEY, state TEXT, payment INTEGER) WITHOUT ROWID")
        while (entry := self.queue.get()) is not None:
            batch = [entry]
            while len(batch) < BATCH_MAX and not self.queue.empty():
                entry = self.queue.get()
                if entry is None:
                    self.queue.put(None)
                    break
                batch.append(entry)
            database.execute("BEGIN IMMEDIATE")
            for statement, values, _ in batch:
                database.execute(statement, values)
            database.execute("COMMIT")
            self.loop.call_soon_threadsafe(self.answer, [done for _, _, done in batch])
        database.close()

    @staticmethod
    def answer(batch):
        for done in batch:
            done.set_result(None)

    def intent(self, key):
        return self.put("INSERT INTO steps (key, state) VALUES (?, 'in_flight')", (key,))

    def outcome(self, key, state, payment):
        return self.put("UPDATE steps SET state = ?, payment = ? WHERE key = ?", (state, payment, key))

    def put(self, statement, values):
        done = self.loop.create_future()
        self.queue.put((statement, values, done))
        return done

    def close(self):
        self.queue.put(None)
        self.thread.join()


def request(row, company, api_key):
    """The request that a row becomes."""
    return {
        "Credentials": {"CompanyID": company, "APIKey": api_key},
        "Customer": {"Name": row["customer"], "EmailAddress": row["email"], "SearchMode": "Automatic"},
        "PaymentMethod": {
            "CreditCard_Token": row["token"],
            "CreditCard_ExpirationMonth": int(row["exp_month"]),
            "CreditCard_ExpirationYear": int(row["exp_year"]),
            "Type": "CreditCard",
        },
        "Items": [{"Item": {"Name": row["item"]}, "Quantity": 1, "UnitPrice": float(row["amount"])}],
        "VATIncluded": True,
        "SendDocumentByEmail": True,
        "DocumentDescription": row["order_id"],
    }


async def work(post, rows, results, journal, company, api_key):
    """Takes rows as long as there are any. `post` sends a request and gives back the answer, both as dictionaries."""
    for row in rows:
        key = row["order_id"]
        await journal.intent(key)
        answer = await post(request(row, company, api_key))
        payment = (answer["Data"] or {}).get("Payment") or {}
        charged = answer["Status"] in (0, "Success") and payment.get("ValidPayment") is True
        state = "succeeded" if charged else "declined"
        await journal.outcome(key, state, payment.get("ID"))
        results.writerow([key, state, payment.get("ID"), row["amount"]])
        if not charged:
            raise SystemExit(f"a charge failed: {answer}")


async def charge_all(posts, file, database, company, api_key):
    """Charges every row of a file, as many at a time as there are `posts`."""
    journal = Journal(database)
    try:
        with (
            open(file, newline="", encoding="utf-8-sig") as text,
            open(f"{database}.csv", "w", newline="", encoding="utf-8") as written,
        ):
            rows, results = csv.DictReader(text), csv.writer(written)
            await asyncio.gather(*(work(post, rows, results, journal, company, api_key) for post in posts))
    finally:
        journal.close()
