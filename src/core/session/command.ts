/** The checks of one request that are built; the others are refused at the door. */
export interface Checks {
  readonly user?: { readonly userId: string } | { readonly loginName: string };
  readonly password?: { readonly password: string };
}

/** What a PATCH asks for, in the house's terms. */
export interface UpdateSession {
  readonly checks: Checks;
  /** Pairs to merge, values in standard base64; an empty value deletes its key. */
  readonly metadata: readonly (readonly [key: string, value: string])[];
  readonly lifetimeMs?: number;
}

/** A user whom the user's cell admitted to live in this session's cell. */
export interface AdmittedUser {
  readonly id: string;
  readonly organizationId: string;
  readonly loginName: string;
  readonly displayName: string;
  readonly preferredLanguage: string;
  readonly cell: string;
  readonly epoch: number;
  /** By the user's cell's clock. */
  readonly admittedAt: number;
}

/** A factor that was found right, for whom, and when its attempt was reserved (the user's cell's clock). */
export interface Verified {
  readonly userId: string;
  readonly reservedAt: number;
}

/** A password that was found right, and which version of it. */
export interface VerifiedPassword extends Verified {
  readonly version: number;
}

/** What was found out for a request before its commit. Only what passed is in it: a failed check ends the request earlier. */
export interface Verdicts {
  readonly user?: AdmittedUser;
  readonly password?: VerifiedPassword;
}

/**
 * Whether a request needs session.write even when it presents the current token: a half-done login's token may be in the hands of whoever
 * knows only the password, so a token alone does nothing but present factors (contract 1.1).
 */
export function needsWrite(command: UpdateSession): boolean {
  return command.checks.user !== undefined || command.metadata.length > 0 || command.lifetimeMs !== undefined;
}

export const hasChecks = (checks: Checks): boolean => Object.values(checks).some((check) => check !== undefined);
