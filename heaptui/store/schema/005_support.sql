-- The flight recorder: every exchange with the other side, redacted and compressed.

CREATE TABLE exchange (
    exchange_id INTEGER PRIMARY KEY,
    run_id      INTEGER REFERENCES run,
    batch_id    INTEGER,
    cohort_id   TEXT NOT NULL DEFAULT '',
    what        TEXT NOT NULL DEFAULT '',
    attempt     INTEGER NOT NULL DEFAULT 1,
    at          REAL NOT NULL,
    method      TEXT NOT NULL,
    url         TEXT NOT NULL,
    status      INTEGER,
    latency_ms  REAL,
    packed      BLOB NOT NULL
);
CREATE INDEX exchange_of_run ON exchange (run_id, exchange_id);
CREATE INDEX exchange_telling ON exchange (run_id, exchange_id)
    WHERE status IS NULL OR status >= 300 OR status = 202;
CREATE INDEX exchange_by_time ON exchange (at);

-- What a run was started with, as far as it may explain a difference to another run. JSON.
CREATE TABLE run_context (
    run_id  INTEGER PRIMARY KEY REFERENCES run,
    context TEXT NOT NULL
);

-- Who was in the Braze segment of a cohort when it was last read: the people this ledger knows, and how many others.
CREATE TABLE readback (
    cohort_id    TEXT PRIMARY KEY REFERENCES cohort,
    at           REAL NOT NULL,
    segment_id   TEXT NOT NULL,
    segment_name TEXT NOT NULL,
    uids         BLOB NOT NULL,
    others       INTEGER NOT NULL
) WITHOUT ROWID;
