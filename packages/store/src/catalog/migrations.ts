/** Statement batches; `user_version` says how many have run. Never edit one that has shipped: add another, which raises the store's format. */
export const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE jobs (
  job TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'partial_failure', 'failed', 'interrupted')),
  started_at TEXT NOT NULL,
  ended_at TEXT,
  error_code TEXT,
  PRIMARY KEY (job, pipeline)
) STRICT;

CREATE TABLE schemas (
  fingerprint TEXT PRIMARY KEY,
  arrow_json TEXT NOT NULL
) STRICT;

CREATE TABLE tables (
  name TEXT PRIMARY KEY,
  mode TEXT NOT NULL,
  primary_key TEXT NOT NULL,
  incremental TEXT,
  schema TEXT NOT NULL REFERENCES schemas (fingerprint),
  greatest_order TEXT,
  last_run TEXT NOT NULL,
  last_commit TEXT NOT NULL
) STRICT;

CREATE TABLE runs (
  run TEXT PRIMARY KEY,
  table_name TEXT NOT NULL,
  job TEXT NOT NULL,
  node TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  source_table TEXT NOT NULL,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  set_aside INTEGER NOT NULL,
  committed_at TEXT NOT NULL,
  manifest TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_table ON runs (table_name, run);
CREATE INDEX runs_by_job ON runs (job);

CREATE TABLE parts (
  path TEXT PRIMARY KEY,
  table_name TEXT NOT NULL,
  run TEXT NOT NULL REFERENCES runs (run),
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  schema TEXT NOT NULL REFERENCES schemas (fingerprint)
) STRICT;
CREATE INDEX parts_by_table ON parts (table_name, run);

CREATE TABLE cursors (
  pipeline TEXT NOT NULL,
  source_table TEXT NOT NULL,
  cursor TEXT,
  input_schema TEXT NOT NULL REFERENCES schemas (fingerprint),
  run TEXT NOT NULL,
  PRIMARY KEY (pipeline, source_table)
) STRICT;

CREATE TABLE schema_history (
  table_name TEXT NOT NULL,
  run TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  changes TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (table_name, run)
) STRICT;
`,
  `
ALTER TABLE tables ADD COLUMN subject_columns TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tables ADD COLUMN snapshot TEXT;

ALTER TABLE runs ADD COLUMN seq INTEGER;
ALTER TABLE runs ADD COLUMN covered_by TEXT;
ALTER TABLE runs ADD COLUMN collected INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET seq = rowid;
CREATE UNIQUE INDEX runs_by_seq ON runs (seq);
CREATE INDEX runs_by_cover ON runs (table_name, covered_by, run);

ALTER TABLE parts ADD COLUMN key_range TEXT;
ALTER TABLE parts ADD COLUMN least_order TEXT;

CREATE TABLE snapshots (
  snapshot TEXT PRIMARY KEY,
  table_name TEXT NOT NULL,
  rows INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  manifest TEXT NOT NULL
) STRICT;
CREATE INDEX snapshots_by_table ON snapshots (table_name, snapshot);

CREATE TABLE deltas (
  run TEXT PRIMARY KEY,
  table_name TEXT NOT NULL,
  node TEXT NOT NULL,
  schema TEXT NOT NULL REFERENCES schemas (fingerprint),
  started_at TEXT NOT NULL
) STRICT;
`,
];
