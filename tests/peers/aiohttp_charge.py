"""Charges every row of a CSV file at OfficeGuy with aiohttp: what a careful person writes who has no hub.

The session keeps its connections and uses them again; or has one for each call, as the hub does for money.

    aiohttp_charge.py ADDRESS FILE DATABASE IN_FLIGHT COMPANY API_KEY kept|anew
"""

import asyncio
import sys

import aiohttp
import charging

TIMEOUT_SECONDS = 120


async def main(address, file, database, in_flight, company, api_key, connections):
    url = f"http://{address}{charging.PATH}"
    connector = aiohttp.TCPConnector(limit=in_flight, force_close=connections == "anew")
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def post(request):
            async with session.post(url, json=request) as response:
                response.raise_for_status()
                return await response.json()

        await charging.charge_all([post] * in_flight, file, database, company, api_key)


if __name__ == "__main__":
    address, file, database, in_flight, company, api_key, connections = sys.argv[1:]
    asyncio.run(main(address, file, database, int(in_flight), int(company), api_key, connections))
