-- The directory: what outlives and spans sessions. Sessions and counters live in Durable Objects, not here.
-- Times are milliseconds since 1970, truth values 0 and 1. This file is migration one and frozen at the first release;
-- later migrations stand in src/directory/migrations.

-- Written by the organisation operations; lives until removed by hand.
CREATE TABLE organization (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  state         TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'inactive')),
  creation_date INTEGER NOT NULL,
  change_date   INTEGER NOT NULL
) STRICT;

-- Users, people and machines. A deleted user's row stays as a tombstone without anything personal: its id is never used again.
-- `state` and `epoch` mirror the user's cell, which decides them and writes them here.
CREATE TABLE user (
  id                       TEXT PRIMARY KEY,
  organization_id          TEXT NOT NULL REFERENCES organization (id),
  kind                     TEXT NOT NULL CHECK (kind IN ('human', 'machine')),
  state                    TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'inactive', 'locked', 'deleted')),
  epoch                    INTEGER NOT NULL DEFAULT 1,
  -- Full name of the user's cell; never recomputed.
  cell                     TEXT NOT NULL,
  -- Grows by one with each change; shown as details.sequence.
  sequence                 INTEGER NOT NULL DEFAULT 1,
  creation_date            INTEGER NOT NULL,
  change_date              INTEGER NOT NULL,
  -- The login name as it was given, and folded (NFKC, lower case) as it is looked up. NULL once deleted.
  username                 TEXT,
  login_name_key           TEXT UNIQUE,
  display_name             TEXT NOT NULL DEFAULT '',
  given_name               TEXT NOT NULL DEFAULT '',
  family_name              TEXT NOT NULL DEFAULT '',
  nick_name                TEXT NOT NULL DEFAULT '',
  preferred_language       TEXT NOT NULL DEFAULT '',
  gender                   TEXT NOT NULL DEFAULT '',
  email                    TEXT NOT NULL DEFAULT '',
  email_verified           INTEGER NOT NULL DEFAULT 0,
  phone                    TEXT NOT NULL DEFAULT '',
  phone_verified           INTEGER NOT NULL DEFAULT 0,
  -- Self-describing hash under a pepper; NULL where none is set. The version grows with each change.
  password_hash            TEXT,
  password_version         INTEGER NOT NULL DEFAULT 0,
  password_change_required INTEGER NOT NULL DEFAULT 0,
  password_changed_at      INTEGER,
  -- Machines only.
  description              TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX user_by_organization ON user (organization_id);

-- Metadata of a user, given at creation. Goes with its user.
CREATE TABLE user_metadata (
  user_id TEXT NOT NULL REFERENCES user (id),
  key     TEXT NOT NULL,
  -- Standard base64.
  value   TEXT NOT NULL,
  PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;

-- Personal access tokens of machine users: the SHA-256 of each, never the token. Goes with its user, or when removed.
CREATE TABLE personal_access_token (
  id              TEXT PRIMARY KEY,
  user_id         TEXT NOT NULL REFERENCES user (id),
  digest          TEXT NOT NULL UNIQUE,
  creation_date   INTEGER NOT NULL,
  expiration_date INTEGER NOT NULL
) STRICT;

CREATE INDEX personal_access_token_by_user ON personal_access_token (user_id);

-- Roles. `scope` is '' for the whole instance, or an organisation's id. Goes with its user, or when removed.
CREATE TABLE member (
  scope         TEXT NOT NULL,
  user_id       TEXT NOT NULL REFERENCES user (id),
  -- JSON array of role names.
  roles         TEXT NOT NULL,
  sequence      INTEGER NOT NULL DEFAULT 1,
  creation_date INTEGER NOT NULL,
  change_date   INTEGER NOT NULL,
  PRIMARY KEY (scope, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX member_by_user ON member (user_id);

-- Every Durable Object that holds data, written by its own alarm soon after its birth: what a sweep has to visit.
CREATE TABLE cell (
  name          TEXT PRIMARY KEY,
  creation_date INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
