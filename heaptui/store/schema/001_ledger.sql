-- The ledger: what is in each cohort, what Braze acknowledged, and every batch that was ever sent.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- One row for each (kind, label); uids is a Roaring bitmap of its identities.
CREATE TABLE space (
    space INTEGER PRIMARY KEY,
    kind  TEXT NOT NULL,
    label TEXT NOT NULL DEFAULT '',
    uids  BLOB NOT NULL,
    UNIQUE (kind, label)
);

CREATE TABLE identity (
    uid   INTEGER PRIMARY KEY,
    space INTEGER NOT NULL REFERENCES space,
    value TEXT NOT NULL,
    UNIQUE (space, value)
);

CREATE TABLE cohort (
    cohort_id      TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    origin         TEXT NOT NULL,
    space          INTEGER NOT NULL REFERENCES space,
    created_at     REAL NOT NULL,
    changed_at     REAL,
    synced_at      REAL,
    members        BLOB NOT NULL,
    members_before BLOB,
    source_name    TEXT NOT NULL DEFAULT '',
    source_digest  TEXT NOT NULL DEFAULT '',
    id_column      TEXT NOT NULL DEFAULT '',
    usual_share    REAL,
    on_hold        INTEGER NOT NULL DEFAULT 0,
    automatic      INTEGER NOT NULL DEFAULT 0,
    retired_at     REAL
);

CREATE TABLE former_name (
    cohort_id TEXT NOT NULL REFERENCES cohort,
    name      TEXT NOT NULL,
    until     REAL NOT NULL,
    PRIMARY KEY (cohort_id, name)
) WITHOUT ROWID;

-- What is believed of one cohort on one route, up to the last closed delivery.
CREATE TABLE belief (
    cohort_id       TEXT NOT NULL REFERENCES cohort,
    route           TEXT NOT NULL,
    delivered       BLOB NOT NULL,
    refused_adds    BLOB NOT NULL,
    refused_removes BLOB NOT NULL,
    braze_name      TEXT NOT NULL DEFAULT '',
    one_at_a_time   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (cohort_id, route)
) WITHOUT ROWID;

CREATE TABLE doubt (
    cohort_id TEXT NOT NULL REFERENCES cohort,
    route     TEXT NOT NULL,
    direction TEXT NOT NULL,
    since     REAL NOT NULL,
    uids      BLOB NOT NULL
);
CREATE INDEX doubt_of_cohort ON doubt (cohort_id, route);

CREATE TABLE run (
    run_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at REAL NOT NULL,
    ended_at   REAL,
    state      TEXT NOT NULL,
    by         TEXT NOT NULL,
    origin     TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    host       TEXT NOT NULL,
    version    TEXT NOT NULL,
    endpoint   TEXT NOT NULL,
    keys       TEXT NOT NULL DEFAULT '{}',
    continues  INTEGER REFERENCES run,
    everything INTEGER NOT NULL DEFAULT 0,
    story      TEXT NOT NULL DEFAULT '[]'
);

CREATE TABLE delivery (
    delivery_id     INTEGER PRIMARY KEY,
    run_id          INTEGER NOT NULL REFERENCES run,
    cohort_id       TEXT NOT NULL REFERENCES cohort,
    route           TEXT NOT NULL,
    name            TEXT NOT NULL,
    state           TEXT NOT NULL,
    adds            INTEGER NOT NULL,
    removes         INTEGER NOT NULL,
    unchanged       INTEGER NOT NULL,
    rename          TEXT NOT NULL DEFAULT '',
    members_digest  TEXT NOT NULL DEFAULT '',
    plan_digest     TEXT NOT NULL DEFAULT '',
    source_digest   TEXT NOT NULL DEFAULT '',
    started_at      REAL NOT NULL,
    ended_at        REAL,
    submitted       INTEGER NOT NULL DEFAULT 0,
    rejected        INTEGER NOT NULL DEFAULT 0,
    in_doubt        INTEGER NOT NULL DEFAULT 0,
    skipped         INTEGER NOT NULL DEFAULT 0,
    requests        INTEGER NOT NULL DEFAULT 0,
    retries         INTEGER NOT NULL DEFAULT 0,
    extra_requests  INTEGER NOT NULL DEFAULT 0,
    submitted_adds  INTEGER NOT NULL DEFAULT 0,
    reason          TEXT NOT NULL DEFAULT '',
    detail          TEXT NOT NULL DEFAULT '',
    unsettled_until REAL,
    let_through_by  TEXT NOT NULL DEFAULT ''
);
CREATE INDEX delivery_of_run ON delivery (run_id);
CREATE INDEX delivery_of_cohort ON delivery (cohort_id, delivery_id);
CREATE INDEX delivery_open ON delivery (ended_at) WHERE ended_at IS NULL;

CREATE TABLE batch (
    batch_id    INTEGER PRIMARY KEY,
    delivery_id INTEGER NOT NULL REFERENCES delivery,
    parent_id   INTEGER REFERENCES batch,
    direction   TEXT NOT NULL,
    uids        BLOB NOT NULL,
    size        INTEGER NOT NULL,
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    sent_at     REAL,
    answered_at REAL,
    doubtful_at REAL,
    status      INTEGER,
    answer      TEXT NOT NULL DEFAULT '',
    folded      INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX batch_of_delivery ON batch (delivery_id, state);

CREATE TABLE rejected (
    delivery_id INTEGER NOT NULL REFERENCES delivery,
    uid         INTEGER NOT NULL REFERENCES identity,
    direction   TEXT NOT NULL,
    text        TEXT NOT NULL,
    at          REAL NOT NULL,
    PRIMARY KEY (delivery_id, uid, direction)
) WITHOUT ROWID;

-- Requests that left, by clock hour: Braze's limit is counted so.
CREATE TABLE hour (
    hour     INTEGER PRIMARY KEY,
    requests INTEGER NOT NULL
);

CREATE TABLE heartbeat (
    pid   INTEGER NOT NULL,
    host  TEXT NOT NULL,
    what  TEXT NOT NULL,
    since REAL NOT NULL,
    seen  REAL NOT NULL,
    PRIMARY KEY (pid, host)
) WITHOUT ROWID;
