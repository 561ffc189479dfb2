-- WebAuthn: passkeys and security keys. Bytes are base64url without padding.

-- A credential that is ready. Goes with its user, or when removed.
CREATE TABLE credential (
  -- Zitadel's passkeyId or u2fId.
  id                 TEXT PRIMARY KEY,
  user_id            TEXT NOT NULL REFERENCES user (id),
  kind               TEXT NOT NULL CHECK (kind IN ('passkey', 'u2f')),
  name               TEXT NOT NULL,
  -- The authenticator's; it belongs to one user only.
  credential_id      TEXT NOT NULL UNIQUE,
  -- COSE_Key.
  public_key         TEXT NOT NULL,
  -- At the registration. Where it stands now is known to the user's cell.
  sign_count         INTEGER NOT NULL,
  rp_id              TEXT NOT NULL,
  backup_eligible    INTEGER NOT NULL,
  aaguid             TEXT NOT NULL,
  attestation_format TEXT NOT NULL,
  creation_date      INTEGER NOT NULL
) STRICT;

CREATE INDEX credential_by_user ON credential (user_id);

-- A registration that was begun and not finished yet. Expired ones go when the next is begun.
CREATE TABLE credential_registration (
  id              TEXT PRIMARY KEY,
  user_id         TEXT NOT NULL REFERENCES user (id),
  kind            TEXT NOT NULL CHECK (kind IN ('passkey', 'u2f')),
  challenge       TEXT NOT NULL,
  rp_id           TEXT NOT NULL,
  expiration_date INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
