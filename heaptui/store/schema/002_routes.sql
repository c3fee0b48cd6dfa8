-- The custom attribute that stands for a cohort in Braze: chosen once, fixed from the first time it is sent.

CREATE TABLE attribute (
    cohort_id TEXT PRIMARY KEY REFERENCES cohort,
    name      TEXT NOT NULL UNIQUE COLLATE NOCASE,
    sent_at   REAL
) WITHOUT ROWID;
