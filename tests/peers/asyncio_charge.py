"""Charges every row of a CSV file at OfficeGuy: what a careful script without a hub looks like.

Only the standard library: asyncio for connections that are kept and used again, sqlite3 for a journal of intents and
outcomes. One thread writes, and what is queued shares a commit. Nothing is sent before its intent is durable.

    asyncio_charge.py ADDRESS FILE DATABASE IN_FLIGHT COMPANY API_KEY
"""

import asyncio
import csv
import json
import queue
import sqlite3
import sys
import threading

BATCH_MAX = 512


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


class Client:
    """One connection, opened again when the server has closed it."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.reader = self.writer = None

    async def post(self, path, body):
        if self.writer is None or self.reader.at_eof():
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        self.writer.write(
            b"POST %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % (path, self.host.encode(), self.port, len(body))
            + body
        )
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        answer = await self.reader.readexactly(length)
        if b"connection: close" in head:
            self.close()
        return json.loads(answer)

    def close(self):
        if self.writer is not None:
            self.writer.close()
            self.writer = None


def request(row, company, api_key):
    return json.dumps(
        {
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
    ).encode()


async def work(client, rows, journal, company, api_key):
    for row in rows:
        key = row["order_id"]
        await journal.intent(key)
        answer = await client.post(b"/billing/payments/charge/", request(row, company, api_key))
        payment = (answer["Data"] or {}).get("Payment") or {}
        charged = answer["Status"] in (0, "Success") and payment.get("ValidPayment") is True
        await journal.outcome(key, "succeeded" if charged else "declined", payment.get("ID"))
        if not charged:
            raise SystemExit(f"a charge failed: {answer}")
    client.close()


async def main(address, file, database, in_flight, company, api_key):
    host, port = address.rsplit(":", 1)
    journal = Journal(database)
    try:
        with open(file, newline="", encoding="utf-8-sig") as text:
            rows = csv.DictReader(text)
            workers = (work(Client(host, int(port)), rows, journal, company, api_key) for _ in range(in_flight))
            await asyncio.gather(*workers)
    finally:
        journal.close()


if __name__ == "__main__":
    address, file, database, in_flight, company, api_key = sys.argv[1:]
    asyncio.run(main(address, file, database, int(in_flight), int(company), api_key))
