// The job as people do it in Node today: undici's pool, 64 requests in flight.
//
// Reads NDJSON, leaves out repeated numbers, posts 500 recipients at a time, reads each answer.
// Not here: validation, other spellings of a number, a ledger, a second attempt, resuming.

const { randomUUID } = require("node:crypto");
const { createReadStream } = require("node:fs");
const { createInterface } = require("node:readline");
const { parseArgs } = require("node:util");

const { values: given } = parseArgs({
  options: { address: { type: "string" }, input: { type: "string" }, modules: { type: "string" } },
});
const { Pool } = require(require.resolve("undici", { paths: [given.modules] }));

const BATCH = 500;
const IN_FLIGHT = 64;
const TEXT = "Hello {first_name}, 20% off everything this week at Acme. STOP au 30101";
const HEADERS = {
  "content-type": "application/json",
  "api-login": "load@example.org",
  "api-key": "load-test",
  "cache-control": "no-cache",
};

async function* batches(path) {
  const seen = new Set();
  let batch = [];
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const contact = JSON.parse(line);
    const number = contact.phone_number;
    if (seen.has(number)) continue;
    seen.add(number);
    batch.push({ phone_number: number, first_name: contact.first_name || "there" });
    if (batch.length === BATCH) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

async function main() {
  const pool = new Pool(`http://${given.address}`, { connections: IN_FLIGHT });
  const inFlight = new Set();

  async function post(batch) {
    const body = JSON.stringify({
      recipients: batch,
      text: TEXT,
      type: "sms_premium",
      purpose: "wholesale",
      sender: "Acme",
      request_id: randomUUID().replaceAll("-", ""),
    });
    const path = "/v1/public/sms-campaign/send";
    const answer = await pool.request({ method: "POST", path, headers: HEADERS, body });
    const answered = await answer.body.json();
    if (answer.statusCode !== 201) throw new Error(`${answer.statusCode}: ${JSON.stringify(answered)}`);
  }

  for await (const batch of batches(given.input)) {
    if (inFlight.size === IN_FLIGHT) await Promise.race(inFlight);
    const sent = post(batch).finally(() => inFlight.delete(sent));
    inFlight.add(sent);
  }
  await Promise.all(inFlight);
  await pool.close();
}

main();
