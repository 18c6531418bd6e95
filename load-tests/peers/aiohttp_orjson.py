"""The job as people do it in Python today: aiohttp, orjson and uvloop, 64 requests in flight.

Reads NDJSON, leaves out repeated numbers, posts 500 recipients at a time, reads each answer.
Not here: validation, other spellings of a number, a ledger, a second attempt, resuming.
"""

import argparse
import asyncio
import uuid

import aiohttp
import orjson
import uvloop

BATCH = 500
IN_FLIGHT = 64
TEXT = "Hello {first_name}, 20% off everything this week at Acme. STOP au 30101"
HEADERS = {
    "content-type": "application/json",
    "api-login": "load@example.org",
    "api-key": "load-test",
    "cache-control": "no-cache",
}


def batches(path):
    seen = set()
    batch = []
    with open(path, "rb") as lines:
        for line in lines:
            contact = orjson.loads(line)
            number = contact["phone_number"]
            if number in seen:
                continue
            seen.add(number)
            batch.append({"phone_number": number, "first_name": contact.get("first_name") or "there"})
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


async def main(path, address):
    url = f"http://{address}/v1/public/sms-campaign/send"
    free = asyncio.Semaphore(IN_FLIGHT)
    connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:

        async def post(batch):
            try:
                body = orjson.dumps(
                    {
                        "recipients": batch,
                        "text": TEXT,
                        "type": "sms_premium",
                        "purpose": "wholesale",
                        "sender": "Acme",
                        "request_id": uuid.uuid4().hex,
                    }
                )
                async with session.post(url, data=body) as answer:
                    answered = orjson.loads(await answer.read())
                    if answer.status != 201:
                        raise SystemExit(f"{answer.status}: {answered}")
            finally:
                free.release()

        async with asyncio.TaskGroup() as tasks:
            for batch in batches(path):
                await free.acquire()
                tasks.create_task(post(batch))


arguments = argparse.ArgumentParser()
arguments.add_argument("--address", required=True)
arguments.add_argument("--input", required=True)
given = arguments.parse_args()
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main(given.input, given.address))
