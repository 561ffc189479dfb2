-- What sessions can be searched by. The sessions are in their cells, each of which writes here what it has committed; the later sequence counts.
CREATE TABLE session_index (
  id              TEXT PRIMARY KEY,
  sequence        INTEGER NOT NULL,
  creator         TEXT NOT NULL,
  -- What the client called its agent; NULL where it did not.
  fingerprint_id  TEXT,
  -- Once a user was checked, with the epoch under which the user was admitted.
  user_id         TEXT,
  organization_id TEXT,
  epoch           INTEGER,
  creation_date   INTEGER NOT NULL,
  -- The end of its lifetime. Idle time is not in here: it moves with each PATCH.
  expiration_date INTEGER NOT NULL,
  -- An ended session stays for as long as its cell keeps it, so that no late write brings it back.
  ended           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_index_by_date ON session_index (creation_date, id);
CREATE INDEX session_index_by_user ON session_index (user_id, creation_date, id);
