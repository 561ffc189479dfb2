import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import * as OTPAuth from 'otpauth';
import { BareWorker, type Setting } from './bare-worker.ts';
import { type Answer, type Lane, request, run } from './load.ts';
import { ROOT } from './production-bundle.ts';
import { secrets } from './secrets.ts';
import { RP_ID, SecurityKey } from './security-key.ts';

const PASSWORD = 'Correct-horse-battery-staple-1';
const STEP_MS = 30_000;

/** One session as its client holds it. */
export interface Login {
  readonly id: string;
  token: string;
}

/** A person with a password, and what else they sign in with. */
export interface Person {
  readonly userId: string;
  readonly totp: OTPAuth.TOTP;
  /** The last step of their TOTP that was used. */
  step: number;
  readonly key: SecurityKey;
}

/** Sallyport in a workerd of its own, with what a measurement asks of it. */
export class Sallyport {
  readonly worker: BareWorker;
  #organizationId = '';

  private constructor(worker: BareWorker) {
    this.worker = worker;
  }

  /** Starts one; on what another has stored in a directory, or on nothing. */
  static async start(
    bundle: string,
    settings: Readonly<Record<string, string>> = {},
    state?: string,
    logged?: (text: string) => void,
  ): Promise<Sallyport> {
    const isNew = state === undefined || !existsSync(state) || readdirSync(state).length === 0;
    const setting: Setting = {
      bundle,
      d1: true,
      durableObjects: { SESSIONS: 'SessionCell', USERS: 'UserCell' },
      bindings: { ...secrets, ...settings },
    };
    const worker = await BareWorker.start({ ...setting, ...(state !== undefined && { state }), ...(logged && { logged }) });
    if (isNew) await makeTables(await worker.d1());
    return new Sallyport(worker);
  }

  /** Sends what is asked side by side, and returns the answers in its order. None of it is measured, and none refused with a status from there on. */
  async all(requests: readonly string[], connections = 16, refusedFrom = 300): Promise<Answer[]> {
    const answers: Answer[] = [];
    const queue = requests.entries();
    function* lane(): Lane {
      for (const [at, each] of queue) answers[at] = yield each;
    }
    await run(this.worker.port, Array.from({ length: Math.min(connections, requests.length) }, lane));
    const refused = answers.find(({ status }) => status >= refusedFrom);
    if (refused) throw new Error(`refused: ${refused.status} ${refused.body}`);
    return answers;
  }

  /** New sessions, of these users or of nobody. */
  async sessions(bodies: readonly object[]): Promise<Login[]> {
    const answers = await this.all(bodies.map(create));
    return answers.map(loginOf);
  }

  /** New people with a TOTP, and with a password unless its hash is too much to wait for. */
  async people(count: number, password: object = { password: { password: PASSWORD } }): Promise<Person[]> {
    this.#organizationId ||= await this.#organization();
    const secretOf = () => new OTPAuth.Secret({ size: 20 });
    const totps = Array.from({ length: count }, () => new OTPAuth.TOTP({ secret: secretOf() }));
    const users = await this.all(totps.map((totp) => post('/v2/users/human', { ...this.#human(totp.secret.base32), ...password })));
    const ids = users.map(({ body }) => JSON.parse(body).userId as string);
    return ids.map((userId, at) => ({ userId, totp: totps[at] as OTPAuth.TOTP, step: 0, key: new SecurityKey() }));
  }

  /** Gives these people a passkey and codes by e-mail. */
  async equip(people: readonly Person[]): Promise<void> {
    await this.all(people.map(({ userId }) => post(`/v2/users/${userId}/otp_email`, {})));
    const begun = await this.all(people.map(({ userId }) => post(`/v2/users/${userId}/passkeys`, { domain: RP_ID })));
    const finished = begun.map(({ body }, at) => {
      const { passkeyId, publicKeyCredentialCreationOptions } = JSON.parse(body);
      const { userId, key } = people[at] as Person;
      return post(`/v2/users/${userId}/passkeys/${passkeyId}`, {
        publicKeyCredential: key.create(publicKeyCredentialCreationOptions),
        passkeyName: 'key',
      });
    });
    await this.all(finished);
  }

  async #organization(): Promise<string> {
    const [made] = await this.all([post('/v2/organizations', { name: `bench ${randomBytes(4).toString('hex')}` })]);
    return JSON.parse((made as Answer).body).organizationId;
  }

  #human(totpSecret: string): object {
    const name = randomBytes(8).toString('hex');
    return {
      organization: { orgId: this.#organizationId },
      username: name,
      profile: { givenName: 'Bench', familyName: name },
      email: { email: `${name}@example.com`, isVerified: true },
      totpSecret,
    };
  }
}

async function makeTables(d1: D1Database): Promise<void> {
  const { readD1Migrations } = await import('@cloudflare/vitest-plugin');
  const migrations = await readD1Migrations({
    projectPath: ROOT,
    migrationsDir: '.',
    migrationsPattern: '{schema.sql,src/directory/migrations/*.sql}',
  });
  for (const query of migrations.flatMap(({ queries }) => queries)) await d1.prepare(query).run();
}

const headers = { authorization: `Bearer ${secrets.ADMIN_TOKEN}`, 'content-type': 'application/json' };

export const post = (path: string, body: object): string => request('POST', path, headers, body);
export const create = (body: object): string => post('/v2beta/sessions', body);
export const end = ({ id, token }: Login): string => request('DELETE', `/v2/sessions/${id}`, headers, { sessionToken: token });
export const read = ({ id }: Login): string => request('GET', `/v2/sessions/${id}`, headers);

/** A request of somebody else's than the operator's. */
export const requestAs = (by: Readonly<Record<string, string>>, method: string, path: string): string => request(method, path, by);

/** A PATCH with the login's token. */
export const patch = (login: Login, body: object, more: Readonly<Record<string, string>> = {}): string =>
  request('PATCH', `/v2beta/sessions/${login.id}`, { ...headers, ...more }, { sessionToken: login.token, ...body });

export const ofUser = ({ userId }: Person): object => ({ checks: { user: { userId } } });
export const passwordCheck = { checks: { password: { password: PASSWORD } } };
export const totpCheck = (code: string): object => ({ checks: { totp: { code } } });
export const passkeyChallenge = {
  challenges: { webAuthN: { domain: RP_ID, userVerificationRequirement: 'USER_VERIFICATION_REQUIREMENT_REQUIRED' } },
};
export const codeChallenge = { challenges: { otpEmail: { returnCode: {} } } };

/** The session that an answer to Create tells of. */
export function loginOf({ status, body }: Answer): Login {
  if (status !== 201) throw new Error(`refused: ${status} ${body}`);
  const { sessionId: id, sessionToken: token } = JSON.parse(body);
  return { id, token };
}

/** Carries a login's token on, and hands back the challenges of an answer to a PATCH. */
export function carryOn(login: Login, { status, body }: Answer) {
  if (status !== 200) throw new Error(`refused: ${status} ${body}`);
  const { sessionToken, challenges } = JSON.parse(body);
  login.token = sessionToken;
  return challenges;
}

/** An assertion for a challenge that was opened. */
export const assertionFor = ({ key }: Person, challenges: { webAuthN: { publicKeyCredentialRequestOptions: { publicKey: object } } }): object => ({
  checks: { webAuthN: { credentialAssertionData: key.get(challenges.webAuthN.publicKeyCredentialRequestOptions) } },
});

/** The next code that a person can use: of this step or of the next. Undefined when both are used up. */
export function nextCode(person: Person): string | undefined {
  const now = Math.floor(Date.now() / STEP_MS);
  const step = Math.max(person.step + 1, now);
  if (step > now + 1) return undefined;
  person.step = step;
  return person.totp.generate({ timestamp: step * STEP_MS });
}
