"""Charges every row of a CSV file at OfficeGuy over HTTP written by hand: the least that Python can do for a request.

Only the standard library: asyncio for connections that are kept and used again.

    asyncio_charge.py ADDRESS FILE DATABASE IN_FLIGHT COMPANY API_KEY
"""

import asyncio
import json
import sys

import charging


class Client:
    """One connection, opened again when the server has closed it."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.reader = self.writer = None

    async def post(self, request):
        body = json.dumps(request).encode()
        if self.writer is None or self.reader.at_eof():
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        self.writer.write(
            b"POST %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % (charging.PATH.encode(), self.host.encode(), self.port, len(body))
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


async def main(address, file, database, in_flight, company, api_key):
    host, port = address.rsplit(":", 1)
    clients = [Client(host, int(port)) for _ in range(in_flight)]
    try:
        await charging.charge_all([client.post for client in clients], file, database, company, api_key)
    finally:
        for client in clients:
            client.close()


if __name__ == "__main__":
    address, file, database, in_flight, company, api_key = sys.argv[1:]
    asyncio.run(main(address, file, database, int(in_flight), int(company), api_key))
