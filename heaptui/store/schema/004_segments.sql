-- Expressions over cohorts: drafts of Braze segments, cohorts computed from others, match rates, and what exists in Braze.

-- shape is the segment as it was put together, as JSON; empty where Braze cannot show the expression.
CREATE TABLE draft (
    name       TEXT PRIMARY KEY,
    expression TEXT NOT NULL,
    shape      TEXT NOT NULL DEFAULT '',
    kept_at    REAL NOT NULL
) WITHOUT ROWID;

-- Expressions hold the ids of cohorts, never their names.
CREATE TABLE derived (
    cohort_id  TEXT PRIMARY KEY REFERENCES cohort,
    expression TEXT NOT NULL,
    made_at    REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE derived_input (
    cohort_id TEXT NOT NULL REFERENCES derived,
    input_id  TEXT NOT NULL REFERENCES cohort,
    PRIMARY KEY (cohort_id, input_id)
) WITHOUT ROWID;
CREATE INDEX derived_by_input ON derived_input (input_id);

-- The newest look-up of a sample, by expression; that of a cohort has its id alone.
CREATE TABLE match_rate (
    expression TEXT PRIMARY KEY,
    measured   TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE braze_segment (
    segment_id TEXT PRIMARY KEY,
    place      INTEGER NOT NULL,
    listed     TEXT NOT NULL,
    details    TEXT NOT NULL DEFAULT '',
    sizes      TEXT NOT NULL DEFAULT '',
    looked_at  REAL NOT NULL
) WITHOUT ROWID;
