-- What Heap sent: the segments, their syncs ("tasks"), every page, and what was refused at the door.

CREATE TABLE segment (
    cohort_id    TEXT PRIMARY KEY REFERENCES cohort,
    heap_name    TEXT NOT NULL,
    named_by     INTEGER NOT NULL,
    last_page_at REAL NOT NULL,
    shape        TEXT NOT NULL DEFAULT '',
    due_since    REAL
) WITHOUT ROWID;

-- Ordered by task_no, that is by first arrival. adds and removes are Roaring bitmaps of all its pages that are applied.
CREATE TABLE sync_task (
    task_no   INTEGER PRIMARY KEY AUTOINCREMENT,
    cohort_id TEXT NOT NULL REFERENCES cohort,
    task_id   TEXT NOT NULL DEFAULT '',
    first_at  REAL NOT NULL,
    last_at   REAL NOT NULL,
    total     INTEGER,
    numbers   BLOB,
    adds      BLOB,
    removes   BLOB,
    closed_at REAL,
    drain     TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX task_by_id ON sync_task (cohort_id, task_id) WHERE task_id <> '';
CREATE INDEX task_of_cohort ON sync_task (cohort_id, task_no);
CREATE INDEX task_open ON sync_task (last_at) WHERE closed_at IS NULL;
CREATE INDEX task_drain ON sync_task (cohort_id) WHERE drain = 'asked';

CREATE TABLE page (
    page_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    task_no     INTEGER NOT NULL REFERENCES sync_task,
    cohort_id   TEXT NOT NULL REFERENCES cohort,
    in_task     INTEGER NOT NULL,
    received_at REAL NOT NULL,
    applied_at  REAL,
    action      TEXT NOT NULL,
    number      INTEGER,
    total       INTEGER,
    joins       INTEGER NOT NULL,
    leaves      INTEGER NOT NULL,
    invalid     INTEGER NOT NULL,
    verified    TEXT NOT NULL,
    peer        TEXT NOT NULL,
    digest      TEXT NOT NULL,
    signature   TEXT NOT NULL,
    size        INTEGER NOT NULL,
    kept        INTEGER NOT NULL,
    adds        BLOB,
    removes     BLOB,
    body        BLOB NOT NULL
);
CREATE UNIQUE INDEX page_by_signature ON page (signature);
CREATE UNIQUE INDEX page_by_digest ON page (digest) WHERE in_task = 1;
CREATE INDEX page_unapplied ON page (page_id) WHERE applied_at IS NULL;
CREATE INDEX page_of_cohort ON page (cohort_id, page_id);
CREATE INDEX page_of_task ON page (task_no);
CREATE INDEX page_by_age ON page (received_at);

CREATE TABLE page_warning (
    cohort_id TEXT NOT NULL REFERENCES cohort,
    kind      TEXT NOT NULL,
    text      TEXT NOT NULL,
    at        REAL NOT NULL,
    PRIMARY KEY (cohort_id, kind)
) WITHOUT ROWID;

-- What came to the receiver and was not let in, by kind and day.
CREATE TABLE security_note (
    kind     TEXT NOT NULL,
    day      TEXT NOT NULL,
    count    INTEGER NOT NULL,
    first_at REAL NOT NULL,
    last_at  REAL NOT NULL,
    peer     TEXT NOT NULL,
    PRIMARY KEY (kind, day)
) WITHOUT ROWID;

-- Where the file of the last import is, and when it was written.
ALTER TABLE cohort ADD COLUMN source_path TEXT NOT NULL DEFAULT '';
ALTER TABLE cohort ADD COLUMN source_at REAL;
