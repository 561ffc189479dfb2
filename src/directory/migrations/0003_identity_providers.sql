-- Identity providers, the log-ins that are under way at them, and whose accounts there are whose here.

-- Written by the provider operations; lives until removed.
CREATE TABLE identity_provider (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  type          TEXT NOT NULL CHECK (type IN ('oidc', 'oauth', 'github', 'google', 'azure')),
  state         TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'inactive')),
  -- JSON: everything about it that is no secret.
  config        TEXT NOT NULL,
  -- Sealed; NULL for a client without one.
  client_secret TEXT,
  sequence      INTEGER NOT NULL DEFAULT 1,
  creation_date INTEGER NOT NULL,
  change_date   INTEGER NOT NULL
) STRICT;

-- A log-in at a provider, from its start until a session has used it. Swept some time after it has expired.
CREATE TABLE idp_intent (
  id               TEXT PRIMARY KEY,
  idp_id           TEXT NOT NULL,
  -- The directory's, at its start: one of before a restore is void.
  generation       TEXT NOT NULL,
  -- claimed: its one callback is being looked into.
  state            TEXT NOT NULL DEFAULT 'started' CHECK (state IN ('started', 'claimed', 'succeeded', 'failed', 'consumed')),
  success_url      TEXT NOT NULL,
  failure_url      TEXT NOT NULL,
  redirect_uri     TEXT NOT NULL,
  -- Sealed: the PKCE verifier and the nonce; NULL once the callback has come.
  proof            TEXT,
  -- Who came back, by the provider's own id and name; and who that was here at that moment, if anybody.
  idp_user_id      TEXT,
  idp_user_name    TEXT,
  user_id          TEXT,
  -- Sealed: what the provider told, and its tokens.
  information      TEXT,
  -- The attempt, and the request, that has consumed it.
  consumed_by      TEXT,
  consumed_request TEXT,
  creation_date    INTEGER NOT NULL,
  change_date      INTEGER NOT NULL,
  expiration_date  INTEGER NOT NULL
) STRICT;

CREATE INDEX idp_intent_by_expiration ON idp_intent (expiration_date);

-- Goes with its user or its provider, or when removed.
CREATE TABLE idp_link (
  idp_id        TEXT NOT NULL,
  idp_user_id   TEXT NOT NULL,
  user_id       TEXT NOT NULL REFERENCES user (id),
  idp_user_name TEXT NOT NULL,
  creation_date INTEGER NOT NULL,
  PRIMARY KEY (idp_id, idp_user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX idp_link_by_user ON idp_link (user_id);
