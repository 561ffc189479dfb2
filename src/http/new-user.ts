import { newUserCell } from '../cells/placement.ts';
import { type Problem, unavailable } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { complexityProblem } from '../core/user/password-complexity.ts';
import { newDecimalId } from '../crypto/tokens.ts';
import { insertUser, type NewUser } from '../directory/create-user.ts';
import { knowsProviders } from '../directory/identity-providers.ts';
import type { Link } from '../directory/links.ts';
import { foldLoginName } from '../directory/users.ts';
import { sealSeed } from '../login-step/totp-seed.ts';
import type { CodeUser } from '../login-step/user-codes.ts';
import { idpUnknown, linkTaken } from './idp-link.ts';
import type { Call } from './operation.ts';
import { type GivenPassword, passwordToStore } from './password-to-store.ts';
import { text } from './protojson.ts';
import { targetOrganization } from './target-organization.ts';

/** What is known of a person; for a machine see MACHINE_PROFILE. */
export type Profile = Pick<
  NewUser,
  | 'givenName'
  | 'familyName'
  | 'nickName'
  | 'displayName'
  | 'preferredLanguage'
  | 'gender'
  | 'email'
  | 'emailVerified'
  | 'phone'
  | 'phoneVerified'
  | 'metadata'
>;

/** A machine has a name and no person's traits. */
export const MACHINE_PROFILE: Omit<Profile, 'displayName'> = {
  givenName: '',
  familyName: '',
  nickName: '',
  preferredLanguage: '',
  gender: '',
  email: '',
  emailVerified: false,
  phone: '',
  phoneVerified: false,
  metadata: [],
};

/** A user to be created. Without an id one is made up; without a username the id serves as one. */
export interface Registration extends GivenPassword {
  readonly kind: NewUser['kind'];
  readonly userId: string | undefined;
  readonly organizationId: string | undefined;
  readonly username: string | undefined;
  readonly profile: Profile;
  readonly description?: string;
  /** The seed of a TOTP that was set up elsewhere, in base32. */
  readonly totpSecret?: string | undefined;
  readonly idpLinks?: readonly Link[] | undefined;
}

export type Registered = CodeUser;

/**
 * An id that a caller gives. The bar is ours: the ids of callers who are no users of this directory have one. A path cannot name "." and "..".
 */
export const givenUserId = text(1, 200).refine((id) => !/[|\p{Cc}]/u.test(id) && id.trim() === id && id !== '.' && id !== '..', {
  error: 'value must be neither "." nor "..", and hold no "|", no control characters and no white space around it',
});

const usernameEmpty: Problem = { kind: 'invalid-argument', id: 'V2-zzad3', message: 'Username is empty' };
const loginNameTaken: Problem = { kind: 'already-exists', id: 'V3-DKcYh', message: 'User already exists' };
const userIdTaken: Problem = { kind: 'already-exists', id: 'COMMAND-7yiox1isql', message: 'User already exists' };

const TRIES = 3;

/** Creates a user: its rules, then who may, then (the dear part) the hash, then the row, which alone decides what is taken. */
export async function registerUser(call: Call, registration: Registration): Promise<Result<Registered>> {
  const { kind, userId, profile, description = '', password } = registration;
  const username = registration.username?.trim();
  if (username !== undefined && foldLoginName(username) === '') return fail(usernameEmpty);
  const weak = password && complexityProblem(password.password, 'COMMA');
  if (weak) return fail(weak);
  const target = await targetOrganization(call, 'user.write', registration.organizationId);
  if (!target.ok) return target;

  const { config, db, region } = call;
  const { idpLinks = [] } = registration;
  if (!(await knowsProviders(db, idpLinks))) return fail(idpUnknown);
  const secret = await passwordToStore(registration, config.passwords);
  if (!secret.ok) return secret;
  const cell = newUserCell(region, config.userCells);
  const row = { ...profile, kind, description, idpLinks, organizationId: target.value, cell, ...secret.value };
  return insert(call, row, { userId, username, totpSecret: registration.totpSecret });
}

type Given = Pick<Registration, 'userId' | 'username' | 'totpSecret'>;

async function insert({ config, db, now }: Call, row: Omit<NewUser, 'id' | 'username'>, given: Given): Promise<Result<Registered>> {
  const { userId, username, totpSecret } = given;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const id = userId ?? newDecimalId(now);
    const totpSeed = totpSecret === undefined ? undefined : await sealSeed(config.sealKeys, id, totpSecret);
    const outcome = await insertUser(db, { ...row, id, username: username ?? id, totpSeed }, now);
    if (outcome === 'created') return ok({ ...row, id, username: username ?? id });
    if (outcome === 'login-name-taken') return fail(loginNameTaken);
    if (outcome === 'link-taken') return fail(linkTaken);
    if (userId !== undefined) return fail(userIdTaken);
  }
  return fail(unavailable('No free id was found'));
}
