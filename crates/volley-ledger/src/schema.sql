-- The ledger of Volley: what was sent to whom, what came of it, and what it cost.
--
-- Open it with any SQLite tool; the views at the end are meant for people:
--   campaigns, runs (the account of every input line), batches, tickets, doubts, suppressions (numbers that are never
--   contacted), list_campaigns (those that go to a list or a tag which the provider keeps), conservation (must be empty).
-- Times are microseconds since 1970 UTC in the tables and RFC 3339 in the views. Money is an exact decimal kept as
-- text: add it up with the shell's decimal_sum(), never with sum(), which is floating point.
-- The text of each statement is part of the format, its comments too: with any change VERSION in schema.rs goes up, and
-- upgrade.rs brings older ledgers to it.
-- Write with Volley alone: what has happened is never changed, and the triggers below hold that.

CREATE TABLE ledger (
  one            INTEGER PRIMARY KEY CHECK (one = 1),
  ledger_id      TEXT    NOT NULL,  -- 32 hex digits, drawn when the ledger was made; the lock file remembers them
  made_at        INTEGER NOT NULL,
  commit_number  INTEGER NOT NULL,  -- counts the commits; the lock file remembers it, so that a roll-back shows
  latest_run     INTEGER NOT NULL,  -- the only run that may still write
  last_at        INTEGER NOT NULL   -- the latest time written by any run
) STRICT;

CREATE TABLE campaign (
  id          INTEGER PRIMARY KEY,
  name        TEXT    NOT NULL UNIQUE,
  provider    TEXT    NOT NULL,     -- provider, account and host are fixed once a number is reached
  account     TEXT    NOT NULL,
  host        TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  closed_at   INTEGER,              -- its numbers were erased; the name is never used again
  sum         BLOB    NOT NULL DEFAULT x''  -- checksum of id, name, provider, account, host and created_at
) STRICT;

-- What recipients of a campaign get, one row a wording it has had.
CREATE TABLE message (
  id        INTEGER PRIMARY KEY,
  campaign  INTEGER NOT NULL REFERENCES campaign,
  hash      BLOB    NOT NULL CHECK (length(hash) = 32),  -- blake3 of the sorted keys and values
  UNIQUE (campaign, hash)
) STRICT;

CREATE TABLE message_part (
  message  INTEGER NOT NULL REFERENCES message,
  key      TEXT    NOT NULL,
  value    TEXT    NOT NULL,
  PRIMARY KEY (message, key)
) STRICT, WITHOUT ROWID;

-- One row for each time the campaign was run.
CREATE TABLE run (
  id          INTEGER PRIMARY KEY,
  campaign    INTEGER NOT NULL REFERENCES campaign,
  message     INTEGER NOT NULL REFERENCES message,
  simulated   INTEGER NOT NULL CHECK (simulated IN (0, 1)),
  started_at  INTEGER NOT NULL,
  ended_at    INTEGER,              -- null: running, or killed
  outcome     TEXT,                 -- complete, doubtful, stopped, interrupted, failed
  reason      TEXT,
  exit_code   INTEGER,
  -- its lines whose numbers were in an earlier run's doubt, as it found them, and which it then settled: sent already
  lines_settled  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- When a run's batches are to go out. A run without a row here: at once.
CREATE TABLE schedule (
  run      INTEGER PRIMARY KEY REFERENCES run,
  send_at  INTEGER NOT NULL,
  sum      BLOB    NOT NULL           -- checksum of the columns before it
) STRICT;

-- The limits that a run kept to. A run without a row here is older than this table.
CREATE TABLE run_limits (
  run                    INTEGER PRIMARY KEY REFERENCES run,
  requests_per_second    REAL    NOT NULL,
  burst                  INTEGER NOT NULL,
  recipients_per_second  REAL,              -- null: no limit
  max_in_flight          INTEGER NOT NULL
) STRICT;

-- What differed from the run before, and was accepted, or came before anybody was reached.
CREATE TABLE campaign_change (
  id        INTEGER PRIMARY KEY,
  campaign  INTEGER NOT NULL REFERENCES campaign,
  run       INTEGER NOT NULL REFERENCES run,
  at        INTEGER NOT NULL,
  key       TEXT    NOT NULL,
  was       TEXT,
  becomes   TEXT
) STRICT;

-- The operator's word for a ledger that was restored or moved.
CREATE TABLE adoption (
  id      INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  who     TEXT    NOT NULL,
  reason  TEXT    NOT NULL,
  detail  TEXT    NOT NULL          -- what stood in the way
) STRICT;

-- The operator's word on a batch whose outcome nobody could know, or whose cancellation nobody confirmed.
CREATE TABLE resolution (
  id        INTEGER PRIMARY KEY,
  batch     INTEGER NOT NULL REFERENCES batch,
  at        INTEGER NOT NULL,
  who       TEXT    NOT NULL,
  why       TEXT    NOT NULL CHECK (length(trim(why)) > 0),
  was       TEXT    NOT NULL,         -- the batch's state before
  becomes   TEXT    NOT NULL CHECK (becomes IN ('declared_sent', 'declared_not_sent', 'abandoned', 'accepted',
              'withdrawn')),
  ticket    TEXT,
  cost      TEXT,
  currency  TEXT    NOT NULL,         -- of `cost`
  sum       BLOB    NOT NULL          -- checksum of the columns from batch on
) STRICT;
CREATE INDEX resolution_of_batch ON resolution (batch);

-- The operator's word that a campaign's numbers are to be erased.
CREATE TABLE erasure (
  id        INTEGER PRIMARY KEY,
  campaign  INTEGER NOT NULL REFERENCES campaign,
  at        INTEGER NOT NULL,
  who       TEXT    NOT NULL,
  why       TEXT    NOT NULL CHECK (length(trim(why)) > 0)
) STRICT;

-- One row for each request: first the intent, which is on disk before the request's first byte leaves; then, once and
-- for all, what came of it. Its states are compared one by one, here and in its triggers: for IN with three values or
-- more SQLite makes a table in memory each time.
CREATE TABLE batch (
  id               INTEGER PRIMARY KEY,
  -- the intent: never changed
  campaign         INTEGER NOT NULL REFERENCES campaign,
  run              INTEGER NOT NULL REFERENCES run,
  sequence         INTEGER NOT NULL,  -- 1, 2, … within the run, shared with lines_behind
  parent           INTEGER REFERENCES batch,  -- the split batch whose numbers go again here, and whose lines count
  generation       INTEGER NOT NULL,  -- how many earlier batches with this body ended without reaching anybody
  request_key      TEXT    NOT NULL UNIQUE,   -- by which the provider recognises a repeated request
  body_hash        BLOB    NOT NULL CHECK (length(body_hash) = 32),  -- blake3 of the body without the key
  body_bytes       INTEGER NOT NULL,
  slot             INTEGER NOT NULL,  -- where LEDGER-bodies keeps the body while the batch is open
  member_count     INTEGER NOT NULL CHECK (member_count > 0),
  units            INTEGER NOT NULL,  -- segments; 0 where they are not counted
  simulated        INTEGER NOT NULL CHECK (simulated IN (0, 1)),
  reserved         TEXT,              -- set aside from max_cost
  currency         TEXT    NOT NULL,  -- of `reserved`; XXX: the account's, not known yet
  lines_invalid       INTEGER NOT NULL,  -- the input lines consumed since the batch before
  lines_suppressed    INTEGER NOT NULL,
  lines_duplicate     INTEGER NOT NULL,
  lines_already_sent  INTEGER NOT NULL,
  lines_refused       INTEGER NOT NULL,
  lines_in_doubt      INTEGER NOT NULL,
  lines_planned       INTEGER NOT NULL,  -- the members' own lines
  lines_read       INTEGER NOT NULL,  -- all lines of the run up to and with this batch
  intended_at      INTEGER NOT NULL,
  intent_sum       BLOB    NOT NULL,  -- checksum of the intent's columns
  -- the outcome
  -- 'withdrawn' was accepted, and cancelled before its time. 'split' was refused for a named number; the others are
  -- free until a child takes them up.
  state            TEXT    NOT NULL DEFAULT 'intended' CHECK (
                     state = 'intended' OR state = 'accepted' OR state = 'unticketed' OR state = 'refused'
                     OR state = 'released' OR state = 'split' OR state = 'simulated' OR state = 'in_doubt'
                     OR state = 'declared_sent' OR state = 'declared_not_sent' OR state = 'abandoned'
                     OR state = 'withdrawn'),
  reason           TEXT,              -- why, where the state alone does not say it
  status           INTEGER,           -- of a refusal, as the provider gave them
  code             INTEGER,
  ticket           TEXT,              -- the provider's id
  contacts         INTEGER,           -- how many the provider counts; fewer than members: it dropped some
  billed_units     INTEGER,           -- segments as the provider counts them
  cost             TEXT,
  cost_currency    TEXT,
  cost_source      TEXT CHECK (cost_source = 'provider' OR cost_source = 'estimated' OR cost_source = 'operator'),
  residual_credit  TEXT,              -- the account's credit after the request
  named_number     INTEGER,           -- the member a split batch was refused for; null once the numbers are erased
  doubt_since      INTEGER,           -- when it first was in doubt, settled or not
  concluded_at     INTEGER,
  concluded_run    INTEGER REFERENCES run,
  outcome_sum      BLOB,              -- checksum of id and the outcome's columns; null while intended
  CHECK ((cost IS NULL) = (cost_currency IS NULL)),
  CHECK ((cost IS NULL) = (cost_source IS NULL)),
  CHECK ((state = 'intended') = (outcome_sum IS NULL)),
  CHECK ((state = 'intended') = (concluded_at IS NULL)),
  CHECK (state <> 'accepted' OR ticket IS NOT NULL),
  CHECK (state <> 'in_doubt' OR (reason IS NOT NULL AND doubt_since IS NOT NULL))
) STRICT;
CREATE INDEX batch_of_campaign ON batch (campaign);
CREATE INDEX batch_of_parent ON batch (parent) WHERE parent IS NOT NULL;
CREATE INDEX batch_open ON batch (campaign) WHERE state IN ('intended', 'in_doubt');

-- The numbers of a batch. Apart from the batch, so that an outcome rewrites a small row only, and so that a campaign's
-- numbers can be erased while its totals stay.
CREATE TABLE members (
  batch    INTEGER PRIMARY KEY REFERENCES batch,
  numbers  BLOB NOT NULL              -- sorted, delta-coded, checksummed: crates/volley-ledger/src/members.rs
) STRICT;

CREATE TABLE attempt (
  batch           INTEGER NOT NULL REFERENCES batch,
  number          INTEGER NOT NULL,   -- 1, 2, …
  run             INTEGER NOT NULL REFERENCES run,
  handed_over_at  INTEGER,            -- null: nothing left us
  ended_at        INTEGER NOT NULL,
  evidence        TEXT    NOT NULL,
  PRIMARY KEY (batch, number)
) STRICT, WITHOUT ROWID;

-- A listing of the provider's that lacked a batch in doubt. It frees nobody by itself: the operator's word goes by it.
CREATE TABLE lookup (
  batch   INTEGER NOT NULL REFERENCES batch,
  number  INTEGER NOT NULL,           -- 1, 2, …
  run     INTEGER NOT NULL REFERENCES run,
  at      INTEGER NOT NULL,           -- when the listing was asked for
  sum     BLOB    NOT NULL,           -- checksum of the columns before it
  PRIMARY KEY (batch, number)
) STRICT, WITHOUT ROWID;

-- What the provider said later that an accepted batch cost which had no cost yet.
CREATE TABLE pricing (
  batch     INTEGER PRIMARY KEY REFERENCES batch,
  at        INTEGER NOT NULL,
  cost      TEXT    NOT NULL,
  currency  TEXT    NOT NULL,
  sum       BLOB    NOT NULL          -- checksum of the columns before it
) STRICT;

-- The input lines behind a run's last batch. Its planned lines were read, and not sent.
CREATE TABLE lines_behind (
  run                 INTEGER NOT NULL REFERENCES run,
  sequence            INTEGER NOT NULL,
  lines_invalid       INTEGER NOT NULL,
  lines_suppressed    INTEGER NOT NULL,
  lines_duplicate     INTEGER NOT NULL,
  lines_already_sent  INTEGER NOT NULL,
  lines_refused       INTEGER NOT NULL,
  lines_in_doubt      INTEGER NOT NULL,
  lines_planned       INTEGER NOT NULL,
  lines_read          INTEGER NOT NULL,
  PRIMARY KEY (run, sequence)
) STRICT, WITHOUT ROWID;

-- Numbers that are never contacted, whatever the campaign.
CREATE TABLE suppressed (
  number  INTEGER PRIMARY KEY,      -- E.164, without its +
  since   INTEGER NOT NULL
) STRICT;

-- Every change of that list by an operator's word. The last one has the checksum of the list as it is.
CREATE TABLE suppression (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  who       TEXT    NOT NULL,
  why       TEXT,                   -- null: not said
  added     INTEGER NOT NULL,
  removed   INTEGER NOT NULL,
  listed    INTEGER NOT NULL,       -- numbers on the list afterwards
  list_sum  BLOB    NOT NULL,       -- sum of their checksums
  sum       BLOB    NOT NULL        -- checksum of the columns before it
) STRICT;

-- Campaigns on lists and tags: the provider knows the recipients, the ledger the draft's ticket and what came of it. ----

CREATE TABLE list_campaign (
  id             INTEGER PRIMARY KEY,
  provider       TEXT    NOT NULL,
  account        TEXT    NOT NULL,
  host           TEXT    NOT NULL,
  ticket         TEXT    NOT NULL,    -- the provider's id of its draft; or its name, if it is made and sent at once
  audience_kind  TEXT    CHECK (audience_kind IN ('list', 'tag')),  -- null: made elsewhere, its audience is not known
  audience_name  TEXT,
  message_hash   BLOB    NOT NULL CHECK (length(message_hash) = 32),  -- blake3 of the sorted keys and values
  currency       TEXT    NOT NULL,    -- of `cost`
  created_at     INTEGER NOT NULL,    -- up to here: never changed
  state          TEXT    NOT NULL CHECK (state IN ('draft', 'sending', 'sent', 'in_doubt', 'failed', 'cancelled',
                   'declared_sent', 'abandoned')),
  reason         TEXT,                -- why, where the state alone does not say it
  contacts       INTEGER,             -- how many the provider counts
  cost           TEXT,                -- as the provider or the operator says
  sending_date   TEXT,                -- when it is sent, in the provider's words
  provider_id    TEXT,                -- the provider's id of one whose ticket is its name
  intended_at    INTEGER,             -- since when it is being sent, or was; null for a draft
  doubt_since    INTEGER,             -- when it first was in doubt, settled or not; null for a draft
  changed_at     INTEGER NOT NULL,
  sum            BLOB    NOT NULL,    -- checksum of the columns before it
  UNIQUE (provider, account, ticket),
  CHECK ((audience_kind IS NULL) = (audience_name IS NULL)),
  CHECK (state <> 'draft' OR (intended_at IS NULL AND doubt_since IS NULL AND provider_id IS NULL)),
  CHECK (state IN ('draft', 'failed', 'cancelled') OR intended_at IS NOT NULL),
  CHECK (state NOT IN ('in_doubt', 'declared_sent', 'abandoned') OR (reason IS NOT NULL AND doubt_since IS NOT NULL))
) STRICT;

CREATE TABLE list_campaign_part (
  list_campaign  INTEGER NOT NULL REFERENCES list_campaign,
  key            TEXT    NOT NULL,
  value          TEXT    NOT NULL,
  PRIMARY KEY (list_campaign, key)
) STRICT, WITHOUT ROWID;

-- Every change of state, written before the state itself; the operator's word among them.
CREATE TABLE list_campaign_event (
  list_campaign  INTEGER NOT NULL REFERENCES list_campaign,
  number         INTEGER NOT NULL,    -- 1, 2, …
  at             INTEGER NOT NULL,
  who            TEXT,                -- null: Volley itself
  was            TEXT,                -- null: the draft was recorded
  becomes        TEXT    NOT NULL,
  why            TEXT,
  sum            BLOB    NOT NULL,    -- checksum of the columns before it
  PRIMARY KEY (list_campaign, number)
) STRICT, WITHOUT ROWID;

-- The states that docs/guarantee.md draws ("States of a batch"), and no others. --------------------------------------

CREATE TRIGGER batch_begins BEFORE INSERT ON batch
WHEN NEW.state <> 'intended'
BEGIN
  SELECT RAISE(ABORT, 'a batch begins as intended');
END;

CREATE TRIGGER batch_of_open_campaign BEFORE INSERT ON batch
WHEN (SELECT closed_at FROM campaign WHERE id = NEW.campaign) IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'the campaign is closed');
END;

-- That its numbers are its parent's, and no sibling's, crates/volley-ledger/src/split.rs holds.
CREATE TRIGGER batch_of_split BEFORE INSERT ON batch
WHEN NEW.parent IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM batch AS parent
  WHERE parent.id = NEW.parent AND parent.state = 'split' AND parent.campaign = NEW.campaign AND parent.run = NEW.run
    AND parent.simulated = NEW.simulated
    AND NEW.member_count < parent.member_count - (SELECT coalesce(sum(sibling.member_count), 0) FROM batch AS sibling
                                                  WHERE sibling.parent = NEW.parent))
BEGIN
  SELECT RAISE(ABORT, 'a batch goes again only as its run has split it');
END;

CREATE TRIGGER batch_of_split_has_no_lines BEFORE INSERT ON batch
WHEN NEW.parent IS NOT NULL
  AND NEW.lines_invalid + NEW.lines_suppressed + NEW.lines_duplicate + NEW.lines_already_sent + NEW.lines_refused
      + NEW.lines_in_doubt + NEW.lines_planned <> 0
BEGIN
  SELECT RAISE(ABORT, 'the lines of what goes again count already');
END;

CREATE TRIGGER batch_transition BEFORE UPDATE ON batch
WHEN NOT CASE OLD.state
  WHEN 'intended' THEN NEW.state = 'accepted' OR NEW.state = 'unticketed' OR NEW.state = 'refused'
    OR NEW.state = 'released' OR NEW.state = 'split' OR NEW.state = 'simulated' OR NEW.state = 'in_doubt'
  -- another attempt may leave it in doubt
  WHEN 'in_doubt' THEN NEW.state = 'in_doubt' OR NEW.state = 'accepted' OR NEW.state = 'unticketed'
    OR NEW.state = 'declared_sent' OR NEW.state = 'declared_not_sent' OR NEW.state = 'abandoned'
  -- its price may come later
  WHEN 'accepted' THEN NEW.state = 'withdrawn' OR (
    NEW.state = 'accepted' AND OLD.cost IS NULL AND NEW.cost_source = 'provider'
    AND EXISTS (SELECT 1 FROM pricing WHERE batch = NEW.id AND cost = NEW.cost AND currency = NEW.cost_currency)
    AND NEW.reason IS OLD.reason AND NEW.status IS OLD.status AND NEW.code IS OLD.code AND NEW.ticket = OLD.ticket
    AND NEW.contacts IS OLD.contacts AND NEW.billed_units IS OLD.billed_units
    AND NEW.residual_credit IS OLD.residual_credit AND NEW.named_number IS OLD.named_number
    AND NEW.doubt_since IS OLD.doubt_since AND NEW.concluded_at = OLD.concluded_at
    AND NEW.concluded_run IS OLD.concluded_run)
  WHEN 'unticketed' THEN NEW.state = 'accepted'
  -- its named number goes with the campaign's other numbers, and so does what was said of it
  WHEN 'split' THEN NEW.state = 'split' AND NEW.named_number IS NULL AND NEW.reason IS NULL
    AND NEW.status IS OLD.status AND NEW.code IS OLD.code AND NEW.ticket IS NULL AND NEW.cost IS NULL
    AND NEW.concluded_at = OLD.concluded_at
    AND (SELECT closed_at FROM campaign WHERE id = OLD.campaign) IS NOT NULL
  ELSE 0
END
BEGIN
  SELECT RAISE(ABORT, 'docs/guarantee.md draws no such transition');
END;

CREATE TRIGGER batch_split BEFORE UPDATE ON batch
WHEN OLD.state <> 'split' AND (NEW.state = 'split') = (NEW.named_number IS NULL)
BEGIN
  SELECT RAISE(ABORT, 'a batch is split for one of its numbers, and no other batch has such a one');
END;

CREATE TRIGGER batch_declared BEFORE UPDATE ON batch
WHEN CASE
  WHEN NEW.state = 'declared_sent' OR NEW.state = 'declared_not_sent' OR NEW.state = 'abandoned'
    THEN NOT EXISTS (SELECT 1 FROM resolution WHERE resolution.batch = NEW.id AND resolution.becomes = NEW.state)
  WHEN NEW.cost_source = 'operator' THEN NOT EXISTS (SELECT 1 FROM resolution WHERE resolution.batch = NEW.id)
  ELSE 0
END
BEGIN
  SELECT RAISE(ABORT, 'the operator has not said so');
END;

CREATE TRIGGER batch_simulated BEFORE UPDATE ON batch
WHEN CASE NEW.simulated
  WHEN 0 THEN NEW.state = 'simulated'
  ELSE NEW.state <> 'simulated' AND NEW.state <> 'refused' AND NEW.state <> 'released'
END
BEGIN
  SELECT RAISE(ABORT, 'a simulated batch reaches nobody, and no other is simulated');
END;

CREATE TRIGGER batch_intent_stays BEFORE UPDATE OF
  id, campaign, run, sequence, parent, generation, request_key, body_hash, body_bytes, slot, member_count, units,
  simulated, reserved, currency, lines_invalid, lines_suppressed, lines_duplicate, lines_already_sent, lines_refused,
  lines_in_doubt, lines_planned, lines_read, intended_at, intent_sum ON batch
BEGIN
  SELECT RAISE(ABORT, 'an intent is never changed');
END;

CREATE TRIGGER batch_stays BEFORE DELETE ON batch
BEGIN
  SELECT RAISE(ABORT, 'a batch is never deleted');
END;

CREATE TRIGGER members_stay BEFORE UPDATE ON members
BEGIN
  SELECT RAISE(ABORT, 'members are never changed');
END;

CREATE TRIGGER members_kept BEFORE DELETE ON members
WHEN (SELECT closed_at FROM campaign WHERE id = (SELECT campaign FROM batch WHERE id = OLD.batch)) IS NULL
BEGIN
  SELECT RAISE(ABORT, 'members are erased only with their campaign');
END;

CREATE TRIGGER attempt_stays BEFORE UPDATE ON attempt
BEGIN
  SELECT RAISE(ABORT, 'an attempt is never changed');
END;

CREATE TRIGGER attempt_kept BEFORE DELETE ON attempt
BEGIN
  SELECT RAISE(ABORT, 'an attempt is never deleted');
END;

CREATE TRIGGER lookup_of_doubt BEFORE INSERT ON lookup
WHEN (SELECT state FROM batch WHERE id = NEW.batch) IS NOT 'in_doubt'
  OR NEW.number <> 1 + (SELECT count(*) FROM lookup AS earlier WHERE earlier.batch = NEW.batch)
BEGIN
  SELECT RAISE(ABORT, 'only a batch in doubt is looked for, and one lookup follows on another');
END;

CREATE TRIGGER lookup_stays BEFORE UPDATE ON lookup
BEGIN
  SELECT RAISE(ABORT, 'a lookup is never changed');
END;

CREATE TRIGGER lookup_kept BEFORE DELETE ON lookup
BEGIN
  SELECT RAISE(ABORT, 'a lookup is never deleted');
END;

CREATE TRIGGER pricing_of_accepted BEFORE INSERT ON pricing
WHEN NOT EXISTS (SELECT 1 FROM batch WHERE id = NEW.batch AND state = 'accepted' AND cost IS NULL)
BEGIN
  SELECT RAISE(ABORT, 'only an accepted batch without a cost gets a price');
END;

CREATE TRIGGER pricing_stays BEFORE UPDATE ON pricing
BEGIN
  SELECT RAISE(ABORT, 'a price is never changed');
END;

CREATE TRIGGER pricing_kept BEFORE DELETE ON pricing
BEGIN
  SELECT RAISE(ABORT, 'a price is never deleted');
END;

CREATE TRIGGER lines_behind_stay BEFORE UPDATE ON lines_behind
BEGIN
  SELECT RAISE(ABORT, 'an account is never changed');
END;

CREATE TRIGGER lines_behind_kept BEFORE DELETE ON lines_behind
BEGIN
  SELECT RAISE(ABORT, 'an account is never deleted');
END;

CREATE TRIGGER message_stays BEFORE UPDATE ON message
BEGIN
  SELECT RAISE(ABORT, 'a message is never changed');
END;

CREATE TRIGGER message_part_stays BEFORE UPDATE ON message_part
BEGIN
  SELECT RAISE(ABORT, 'a message is never changed');
END;

CREATE TRIGGER campaign_change_stays BEFORE UPDATE ON campaign_change
BEGIN
  SELECT RAISE(ABORT, 'a recorded change is never changed');
END;

CREATE TRIGGER campaign_change_kept BEFORE DELETE ON campaign_change
BEGIN
  SELECT RAISE(ABORT, 'a recorded change is never deleted');
END;

CREATE TRIGGER adoption_stays BEFORE UPDATE ON adoption
BEGIN
  SELECT RAISE(ABORT, 'an adoption is never changed');
END;

CREATE TRIGGER adoption_kept BEFORE DELETE ON adoption
BEGIN
  SELECT RAISE(ABORT, 'an adoption is never deleted');
END;

CREATE TRIGGER resolution_stays BEFORE UPDATE ON resolution
BEGIN
  SELECT RAISE(ABORT, 'the operator''s word is never changed');
END;

CREATE TRIGGER resolution_kept BEFORE DELETE ON resolution
BEGIN
  SELECT RAISE(ABORT, 'the operator''s word is never deleted');
END;

CREATE TRIGGER erasure_stays BEFORE UPDATE ON erasure
BEGIN
  SELECT RAISE(ABORT, 'an erasure is never changed');
END;

CREATE TRIGGER erasure_kept BEFORE DELETE ON erasure
BEGIN
  SELECT RAISE(ABORT, 'an erasure is never deleted');
END;

CREATE TRIGGER run_ends_once BEFORE UPDATE ON run
WHEN OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL
  OR NEW.id <> OLD.id OR NEW.campaign <> OLD.campaign OR NEW.message <> OLD.message
  OR NEW.simulated <> OLD.simulated OR NEW.started_at <> OLD.started_at
BEGIN
  SELECT RAISE(ABORT, 'a run ends once, and nothing else of it changes');
END;

CREATE TRIGGER run_kept BEFORE DELETE ON run
BEGIN
  SELECT RAISE(ABORT, 'a run is never deleted');
END;

CREATE TRIGGER schedule_stays BEFORE UPDATE ON schedule
BEGIN
  SELECT RAISE(ABORT, 'a run keeps its time');
END;

CREATE TRIGGER schedule_kept BEFORE DELETE ON schedule
BEGIN
  SELECT RAISE(ABORT, 'a run keeps its time');
END;

CREATE TRIGGER campaign_closes_once BEFORE UPDATE ON campaign
WHEN OLD.closed_at IS NOT NULL OR NEW.id <> OLD.id OR NEW.name <> OLD.name
BEGIN
  SELECT RAISE(ABORT, 'a campaign keeps its name, and once closed it stays so');
END;

CREATE TRIGGER campaign_closes_settled BEFORE UPDATE OF closed_at ON campaign
WHEN NEW.closed_at IS NOT NULL
  AND EXISTS (SELECT 1 FROM batch WHERE campaign = NEW.id AND state IN ('intended', 'in_doubt'))
BEGIN
  SELECT RAISE(ABORT, 'a campaign with open batches is not closed');
END;

CREATE TRIGGER campaign_kept BEFORE DELETE ON campaign
BEGIN
  SELECT RAISE(ABORT, 'a campaign is never deleted');
END;

-- The same for campaigns on lists and tags: crates/volley-model/src/list_campaign.rs draws their states. An event is
-- refused unless it is drawn, and a state unless the last event says so.

CREATE TRIGGER list_campaign_begins BEFORE INSERT ON list_campaign
WHEN NEW.state <> 'draft'
BEGIN
  SELECT RAISE(ABORT, 'a list campaign begins as a draft');
END;

CREATE TRIGGER list_campaign_event_follows BEFORE INSERT ON list_campaign_event
WHEN NEW.was IS NOT iif(NEW.number = 1, NULL, (SELECT state FROM list_campaign WHERE id = NEW.list_campaign))
  OR NEW.number <> 1 + (SELECT count(*) FROM list_campaign_event AS earlier
                        WHERE earlier.list_campaign = NEW.list_campaign)
BEGIN
  SELECT RAISE(ABORT, 'an event of a list campaign follows on the one before');
END;

CREATE TRIGGER list_campaign_event_drawn BEFORE INSERT ON list_campaign_event
WHEN NOT CASE NEW.was
  WHEN 'draft' THEN NEW.becomes IN ('sending', 'failed', 'cancelled')
  WHEN 'sending' THEN NEW.becomes IN ('sent', 'failed', 'draft', 'in_doubt')
  -- the provider's next answer may leave it in doubt
  WHEN 'in_doubt' THEN NEW.becomes IN ('in_doubt', 'sent', 'failed', 'draft', 'declared_sent', 'abandoned')
  WHEN 'sent' THEN NEW.becomes = 'cancelled'
  ELSE NEW.was IS NULL AND NEW.becomes = 'draft'
END
BEGIN
  SELECT RAISE(ABORT, 'no such transition of a list campaign is drawn');
END;

CREATE TRIGGER list_campaign_event_said BEFORE INSERT ON list_campaign_event
WHEN CASE
  WHEN NEW.becomes IN ('declared_sent', 'abandoned') OR (NEW.was = 'in_doubt' AND NEW.becomes = 'draft')
    THEN NEW.who IS NULL
  ELSE 0
END
BEGIN
  SELECT RAISE(ABORT, 'the operator has not said so');
END;

CREATE TRIGGER list_campaign_event_proven BEFORE INSERT ON list_campaign_event
WHEN NEW.was IS NOT NULL AND NEW.becomes = 'draft' AND length(trim(coalesce(NEW.why, ''))) = 0
BEGIN
  SELECT RAISE(ABORT, 'what is to be sent again needs the reason why it was not sent');
END;

CREATE TRIGGER list_campaign_transition BEFORE UPDATE ON list_campaign
WHEN NEW.state <> OLD.state AND NOT EXISTS (
  SELECT 1 FROM list_campaign_event AS last
  WHERE last.list_campaign = OLD.id AND last.was = OLD.state AND last.becomes = NEW.state
    AND last.number = (SELECT max(number) FROM list_campaign_event WHERE list_campaign = OLD.id))
BEGIN
  SELECT RAISE(ABORT, 'no event of the list campaign says so');
END;

-- Within a state only what the provider says of it changes.
CREATE TRIGGER list_campaign_same_state BEFORE UPDATE ON list_campaign
WHEN NEW.state = OLD.state AND (
  OLD.state NOT IN ('draft', 'sending', 'sent', 'in_doubt') OR NEW.intended_at IS NOT OLD.intended_at
  OR NEW.doubt_since IS NOT OLD.doubt_since OR NEW.sending_date IS NOT OLD.sending_date
  OR NEW.provider_id IS NOT OLD.provider_id
  OR (NEW.reason IS NOT OLD.reason AND OLD.state <> 'in_doubt'))
BEGIN
  SELECT RAISE(ABORT, 'within a state of a list campaign only contacts and cost change, and the reason of a doubt');
END;

CREATE TRIGGER list_campaign_stays BEFORE UPDATE OF
  id, provider, account, host, ticket, audience_kind, audience_name, message_hash, currency, created_at
  ON list_campaign
BEGIN
  SELECT RAISE(ABORT, 'whom a list campaign goes to, and what they get, is never changed');
END;

CREATE TRIGGER list_campaign_kept BEFORE DELETE ON list_campaign
BEGIN
  SELECT RAISE(ABORT, 'a list campaign is never deleted');
END;

CREATE TRIGGER list_campaign_part_stays BEFORE UPDATE ON list_campaign_part
BEGIN
  SELECT RAISE(ABORT, 'a message is never changed');
END;

CREATE TRIGGER list_campaign_part_kept BEFORE DELETE ON list_campaign_part
BEGIN
  SELECT RAISE(ABORT, 'a message is never deleted');
END;

CREATE TRIGGER list_campaign_event_stays BEFORE UPDATE ON list_campaign_event
BEGIN
  SELECT RAISE(ABORT, 'an event is never changed');
END;

CREATE TRIGGER list_campaign_event_kept BEFORE DELETE ON list_campaign_event
BEGIN
  SELECT RAISE(ABORT, 'an event is never deleted');
END;

-- For people. ---------------------------------------------------------------------------------------------------------

CREATE TRIGGER suppression_stays BEFORE UPDATE ON suppression
BEGIN
  SELECT RAISE(ABORT, 'a word on the suppression list is never changed');
END;

CREATE TRIGGER suppression_kept BEFORE DELETE ON suppression
BEGIN
  SELECT RAISE(ABORT, 'a word on the suppression list is never deleted');
END;

-- The views. DuckDB takes them apart and puts them together in words of its own, which SQLite must still understand: no
-- count(*), no column `at` without its table, no UNION within WITH. (`conservation` is for SQLite alone.) -------------

-- The account of each run: `read` is the sum of the counts behind it. What happened to a line's number since is in it:
-- a doubt settled later moves from in_doubt to accepted. A split batch stands for the number it was refused for; those
-- of its other numbers that no child has taken up are pending.
CREATE VIEW runs AS
WITH of_batches AS (
  SELECT run, count(id) AS batches,
         sum(iif(state IN ('accepted', 'unticketed', 'declared_sent', 'abandoned', 'simulated'), member_count, 0))
           AS accepted,
         sum(lines_invalid) AS invalid, sum(lines_duplicate) AS duplicate, sum(lines_suppressed) AS suppressed,
         sum(lines_already_sent) AS already_sent,
         sum(lines_refused + CASE state WHEN 'refused' THEN member_count WHEN 'split' THEN 1 ELSE 0 END) AS refused,
         sum(lines_in_doubt + iif(state IN ('intended', 'in_doubt'), member_count, 0)) AS in_doubt,
         sum(CASE WHEN state IN ('released', 'declared_not_sent', 'withdrawn') THEN member_count
                  WHEN state = 'split'
                  THEN member_count - 1 - (SELECT coalesce(sum(child.member_count), 0) FROM batch AS child
                                           WHERE child.parent = batch.id)
                  ELSE 0 END) AS pending
  FROM batch GROUP BY run
), behind AS (
  SELECT run, sum(lines_invalid) AS invalid, sum(lines_duplicate) AS duplicate, sum(lines_suppressed) AS suppressed,
         sum(lines_already_sent) AS already_sent, sum(lines_refused) AS refused, sum(lines_in_doubt) AS in_doubt,
         sum(lines_planned) AS pending
  FROM lines_behind GROUP BY run
), account AS (
  SELECT run.id AS run, coalesce(of_batches.batches, 0) AS batches, coalesce(of_batches.accepted, 0) AS accepted,
         coalesce(of_batches.invalid, 0) + coalesce(behind.invalid, 0) AS invalid,
         coalesce(of_batches.duplicate, 0) + coalesce(behind.duplicate, 0) AS duplicate,
         coalesce(of_batches.suppressed, 0) + coalesce(behind.suppressed, 0) AS suppressed,
         coalesce(of_batches.already_sent, 0) + coalesce(behind.already_sent, 0) + run.lines_settled AS already_sent,
         coalesce(of_batches.refused, 0) + coalesce(behind.refused, 0) AS refused,
         coalesce(of_batches.in_doubt, 0) + coalesce(behind.in_doubt, 0) - run.lines_settled AS in_doubt,
         coalesce(of_batches.pending, 0) + coalesce(behind.pending, 0) AS pending
  FROM run LEFT JOIN of_batches ON of_batches.run = run.id LEFT JOIN behind ON behind.run = run.id
)
SELECT run.id AS run, campaign.name AS campaign, run.simulated,
       strftime('%Y-%m-%dT%H:%M:%fZ', run.started_at / 1e6, 'unixepoch') AS started,
       strftime('%Y-%m-%dT%H:%M:%fZ', run.ended_at / 1e6, 'unixepoch') AS ended,
       run.outcome, run.reason, run.exit_code, account.batches,
       accepted + invalid + duplicate + suppressed + already_sent + refused + in_doubt + pending AS read,
       accepted, invalid, duplicate, suppressed, already_sent, refused, in_doubt, pending,
       strftime('%Y-%m-%dT%H:%M:%fZ', schedule.send_at / 1e6, 'unixepoch') AS send_at,
       requests_per_second, burst, recipients_per_second, max_in_flight
FROM run JOIN campaign ON campaign.id = run.campaign JOIN account ON account.run = run.id
     LEFT JOIN schedule ON schedule.run = run.id LEFT JOIN run_limits ON run_limits.run = run.id;

CREATE VIEW campaigns AS
SELECT campaign.name, campaign.provider, campaign.account, campaign.host,
       strftime('%Y-%m-%dT%H:%M:%fZ', campaign.created_at / 1e6, 'unixepoch') AS created,
       strftime('%Y-%m-%dT%H:%M:%fZ', campaign.closed_at / 1e6, 'unixepoch') AS closed,
       (SELECT count(run.id) FROM run WHERE run.campaign = campaign.id) AS runs,
       count(batch.id) AS batches, count(batch.ticket) AS tickets,
       coalesce(sum(iif(batch.state IN ('accepted', 'unticketed', 'declared_sent', 'abandoned'),
                        batch.member_count, 0)), 0) AS recipients_sent,
       coalesce(sum(CASE batch.state WHEN 'refused' THEN batch.member_count WHEN 'split' THEN 1 ELSE 0 END), 0)
         AS recipients_refused,
       coalesce(sum(iif(batch.state IN ('intended', 'in_doubt'), batch.member_count, 0)), 0) AS recipients_in_doubt
FROM campaign LEFT JOIN batch ON batch.campaign = campaign.id
GROUP BY campaign.id;

CREATE VIEW batches AS
SELECT batch.id AS batch, campaign.name AS campaign, batch.run, batch.sequence, batch.parent, batch.generation,
       batch.request_key, batch.state, batch.reason, batch.status, batch.code, batch.ticket,
       batch.member_count AS recipients, batch.contacts, batch.units, batch.billed_units, batch.reserved, batch.cost,
       coalesce(batch.cost_currency, batch.currency) AS currency, batch.cost_source, batch.residual_credit,
       batch.simulated,
       (SELECT count(attempt.number) FROM attempt WHERE attempt.batch = batch.id) AS attempts,
       strftime('%Y-%m-%dT%H:%M:%fZ', batch.intended_at / 1e6, 'unixepoch') AS intended,
       strftime('%Y-%m-%dT%H:%M:%fZ', batch.concluded_at / 1e6, 'unixepoch') AS concluded
FROM batch JOIN campaign ON campaign.id = batch.campaign;

CREATE VIEW tickets AS
SELECT campaign.name AS campaign, batch.ticket, batch.id AS batch, batch.state, batch.member_count AS recipients,
       batch.contacts, max(0, batch.member_count - batch.contacts) AS dropped, batch.cost,
       batch.cost_currency AS currency, batch.cost_source,
       strftime('%Y-%m-%dT%H:%M:%fZ', batch.concluded_at / 1e6, 'unixepoch') AS concluded
FROM batch JOIN campaign ON campaign.id = batch.campaign
WHERE batch.ticket IS NOT NULL;

CREATE VIEW doubts AS
SELECT campaign.name AS campaign, batch.id AS batch, batch.request_key, batch.member_count AS recipients, batch.reason,
       strftime('%Y-%m-%dT%H:%M:%fZ', batch.doubt_since / 1e6, 'unixepoch') AS since,
       (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', min(handed_over_at) / 1e6, 'unixepoch') FROM attempt
        WHERE attempt.batch = batch.id) AS first_handed_over,
       (SELECT count(lookup.number) FROM lookup WHERE lookup.batch = batch.id) AS absent,
       (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', lookup.at / 1e6, 'unixepoch') FROM lookup
        WHERE lookup.batch = batch.id ORDER BY number LIMIT 1) AS first_absent,
       (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', lookup.at / 1e6, 'unixepoch') FROM lookup
        WHERE lookup.batch = batch.id ORDER BY number DESC LIMIT 1) AS last_absent
FROM batch JOIN campaign ON campaign.id = batch.campaign
WHERE batch.state = 'in_doubt';

CREATE VIEW suppressions AS
SELECT '+' || number AS number, strftime('%Y-%m-%dT%H:%M:%fZ', since / 1e6, 'unixepoch') AS since FROM suppressed;

CREATE VIEW list_campaigns AS
SELECT id AS list_campaign, provider, account, host, ticket, provider_id, audience_kind, audience_name, state, reason,
       contacts, cost, currency, sending_date,
       strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1e6, 'unixepoch') AS created,
       strftime('%Y-%m-%dT%H:%M:%fZ', intended_at / 1e6, 'unixepoch') AS intended,
       strftime('%Y-%m-%dT%H:%M:%fZ', doubt_since / 1e6, 'unixepoch') AS in_doubt_since,
       strftime('%Y-%m-%dT%H:%M:%fZ', changed_at / 1e6, 'unixepoch') AS changed
FROM list_campaign;

-- What must hold at every commit. Each row is a fault.
CREATE VIEW conservation AS
WITH step AS (
  SELECT run, sequence, lines_read,
         lines_invalid + lines_suppressed + lines_duplicate + lines_already_sent + lines_refused + lines_in_doubt
           + lines_planned AS own
  FROM batch
  UNION ALL
  SELECT run, sequence, lines_read,
         lines_invalid + lines_suppressed + lines_duplicate + lines_already_sent + lines_refused + lines_in_doubt
           + lines_planned
  FROM lines_behind
), stepped AS (
  SELECT run, sequence, own, lines_read - lag(lines_read, 1, 0) OVER of_run AS added,
         sequence - lag(sequence, 1, 0) OVER of_run AS advance
  FROM step WINDOW of_run AS (PARTITION BY run ORDER BY sequence)
)
SELECT 'run ' || run || ', sequence ' || sequence AS place, 'lines are missing or counted twice' AS fault
FROM stepped WHERE own <> added OR advance <> 1
UNION ALL
SELECT 'run ' || run, 'the account does not add up to the lines read' FROM runs
WHERE read <> coalesce((SELECT max(lines_read) FROM step WHERE step.run = runs.run), 0)
UNION ALL
SELECT 'batch ' || id, 'members and planned lines differ' FROM batch
WHERE lines_planned <> iif(parent IS NULL, member_count, 0)
UNION ALL
SELECT 'batch ' || id, 'more numbers in its children than it was split into' FROM batch
WHERE state = 'split'
  AND member_count - 1 < (SELECT coalesce(sum(child.member_count), 0) FROM batch AS child WHERE child.parent = batch.id)
UNION ALL
SELECT 'batch ' || child.id, 'it goes again, and its run has not split it' FROM batch AS child
LEFT JOIN batch AS parent ON parent.id = child.parent
WHERE child.parent IS NOT NULL
  AND (parent.state IS NOT 'split' OR parent.run <> child.run OR parent.campaign <> child.campaign OR parent.id >= child.id)
UNION ALL
SELECT 'batch ' || child.id, 'it has lines, and they count already' FROM batch AS child
WHERE parent IS NOT NULL
  AND lines_invalid + lines_suppressed + lines_duplicate + lines_already_sent + lines_refused + lines_in_doubt <> 0
UNION ALL
SELECT 'batch ' || batch.id, 'it was split for no number' FROM batch JOIN campaign ON campaign.id = batch.campaign
WHERE state = 'split' AND named_number IS NULL AND campaign.closed_at IS NULL
UNION ALL
SELECT 'batch ' || batch.id, 'its members are gone' FROM batch JOIN campaign ON campaign.id = batch.campaign
WHERE campaign.closed_at IS NULL AND NOT EXISTS (SELECT 1 FROM members WHERE members.batch = batch.id)
UNION ALL
SELECT 'batch ' || batch.id, 'its members should have been erased' FROM batch JOIN campaign ON campaign.id = batch.campaign
WHERE campaign.closed_at IS NOT NULL
  AND (batch.named_number IS NOT NULL OR EXISTS (SELECT 1 FROM members WHERE members.batch = batch.id))
UNION ALL
SELECT 'batch ' || id, 'nobody declared what it is said to be' FROM batch
WHERE state IN ('declared_sent', 'declared_not_sent', 'abandoned')
  AND NOT EXISTS (SELECT 1 FROM resolution WHERE resolution.batch = batch.id)
UNION ALL
SELECT 'batch ' || batch.id, 'it is not what the operator declared it to be' FROM batch
JOIN resolution ON resolution.batch = batch.id
WHERE resolution.id = (SELECT max(last.id) FROM resolution AS last WHERE last.batch = batch.id)
  AND batch.state <> resolution.becomes AND NOT (resolution.becomes = 'accepted' AND batch.state = 'withdrawn')
UNION ALL
SELECT 'batch ' || batch, 'lookups of it are missing' FROM lookup GROUP BY batch HAVING count(*) <> max(number)
UNION ALL
SELECT 'batch ' || batch.id, 'its cost is not the price that was told' FROM pricing
JOIN batch ON batch.id = pricing.batch
WHERE batch.state NOT IN ('accepted', 'withdrawn') OR batch.cost IS NOT pricing.cost
  OR batch.cost_currency IS NOT pricing.currency OR batch.cost_source IS NOT 'provider'
UNION ALL
SELECT 'slot ' || slot, 'two open batches share it' FROM batch
WHERE state IN ('intended', 'in_doubt') GROUP BY slot HAVING count(*) > 1
UNION ALL
SELECT 'ticket ' || ticket, 'two batches have it' FROM batch
WHERE ticket IS NOT NULL AND state <> 'simulated' GROUP BY campaign, ticket HAVING count(*) > 1
UNION ALL
SELECT 'run ' || batch.run, 'its batch belongs to another campaign' FROM batch JOIN run ON run.id = batch.run
WHERE run.campaign <> batch.campaign
UNION ALL
SELECT 'list campaign ' || id, 'its last event says otherwise' FROM list_campaign
WHERE state IS NOT (SELECT becomes FROM list_campaign_event WHERE list_campaign_event.list_campaign = list_campaign.id
                    ORDER BY number DESC LIMIT 1)
UNION ALL
SELECT 'id ' || provider_id, 'two list campaigns have it' FROM list_campaign
WHERE provider_id IS NOT NULL GROUP BY provider, account, provider_id HAVING count(*) > 1
UNION ALL
SELECT 'list campaign ' || list_campaign, 'events of it are missing' FROM list_campaign_event
GROUP BY list_campaign HAVING count(*) <> max(number)
UNION ALL
SELECT 'suppression list', 'numbers were added or removed by other hands'
WHERE (SELECT count(*) FROM suppressed)
  <> coalesce((SELECT listed FROM suppression ORDER BY id DESC LIMIT 1), 0)
UNION ALL
SELECT 'ledger', 'its latest run is not the last one' FROM ledger
WHERE latest_run <> (SELECT coalesce(max(id), 0) FROM run);
