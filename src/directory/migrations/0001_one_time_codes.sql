-- One-time codes as factors: TOTP, codes by SMS and e-mail, recovery codes.

-- Whether codes by SMS and e-mail are factors of the user; they go to the verified phone number and address.
ALTER TABLE user ADD COLUMN otp_sms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user ADD COLUMN otp_email INTEGER NOT NULL DEFAULT 0;

-- The TOTP of a user, one at most; a factor once it is verified. Goes with its user, or when removed.
CREATE TABLE totp (
  user_id       TEXT PRIMARY KEY REFERENCES user (id),
  -- Sealed.
  seed          TEXT NOT NULL,
  verified      INTEGER NOT NULL,
  creation_date INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Recovery codes, each as its MAC under the pepper. Which of them are used is known to the user's cell.
CREATE TABLE recovery_code (
  user_id TEXT NOT NULL REFERENCES user (id),
  tag     TEXT NOT NULL,
  PRIMARY KEY (user_id, tag)
) STRICT, WITHOUT ROWID;
