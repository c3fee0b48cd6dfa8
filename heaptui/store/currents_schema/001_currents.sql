-- What Braze Currents sent: bodies as they came, one small row for each event, and what became of it.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE type (
    type_no INTEGER PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE
);

-- One request of Braze. The events that were new in it are first_no to last_no; body is zlib, and goes after a while.
CREATE TABLE batch (
    batch_no    INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at REAL NOT NULL,
    first_no    INTEGER NOT NULL,
    last_no     INTEGER NOT NULL,
    waiting     INTEGER NOT NULL,
    settled_at  REAL,
    body        BLOB
);
CREATE INDEX batch_first ON batch (first_no);
CREATE INDEX batch_waiting ON batch (batch_no) WHERE waiting > 0;
CREATE INDEX batch_settled ON batch (settled_at) WHERE waiting = 0 AND body IS NOT NULL;

-- key is the event id: 16 bytes where it is a UUID, the text elsewhere. outcome: 0 waits, 1 to Heap, 2 filtered, 3 dead.
CREATE TABLE event (
    event_no INTEGER PRIMARY KEY,
    key      NOT NULL UNIQUE,
    place    INTEGER NOT NULL,
    type_no  INTEGER NOT NULL,
    at       INTEGER,
    outcome  INTEGER NOT NULL DEFAULT 0
);

-- Sums of all times; received counts distinct events.
CREATE TABLE tally (
    type_no    INTEGER PRIMARY KEY,
    received   INTEGER NOT NULL DEFAULT 0,
    duplicates INTEGER NOT NULL DEFAULT 0,
    forwarded  INTEGER NOT NULL DEFAULT 0,
    filtered   INTEGER NOT NULL DEFAULT 0,
    dead       INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE minute (
    minute   INTEGER NOT NULL,
    type_no  INTEGER NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (minute, type_no)
) WITHOUT ROWID;

CREATE TABLE filtered (
    type_no INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (type_no, reason)
) WITHOUT ROWID;

CREATE TABLE dead (
    event_no    INTEGER PRIMARY KEY,
    type_no     INTEGER NOT NULL,
    received_at REAL NOT NULL,
    died_at     REAL NOT NULL,
    reason      TEXT NOT NULL,
    body        BLOB NOT NULL
);
CREATE INDEX dead_at ON dead (died_at);

-- Names of campaigns, Canvases and their parts, as the newest event carried them.
CREATE TABLE name (
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

CREATE TABLE person (
    person_no   INTEGER PRIMARY KEY,
    external_id TEXT NOT NULL UNIQUE
);

-- Who did what in which ten minutes of event time; people is a Roaring bitmap of person_no.
CREATE TABLE deed (
    slot   INTEGER NOT NULL,
    deed   TEXT NOT NULL,
    people BLOB NOT NULL,
    PRIMARY KEY (slot, deed)
) WITHOUT ROWID;
