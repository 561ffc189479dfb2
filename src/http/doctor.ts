import * as z from 'zod';
import { newSessionCell, newUserCell } from '../cells/placement.ts';
import { noPermission } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import { missingTables } from '../directory/tables.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { type JsonObject, message } from './protojson.ts';

/** One thing that was looked at. A `problem` is wrong now, a `warning` will be. */
export interface Finding {
  readonly subject: string;
  readonly level: 'ok' | 'warning' | 'problem';
  readonly detail: string;
}

const DAY_MS = 86_400_000;
const KEY_OLD_DAYS = 365;

/** What `npm run doctor` shows of a deployment, to its operator alone: bindings that answer, and keys by number and age, never a secret. */
const diagnose = operation({
  rpc: 'sallyport.v1.OperatorService/Diagnose',
  routes: ['GET /doctor'],
  input: () => message({}),
  output: () => z.object({ findings: z.array(z.object({ subject: z.string(), level: z.enum(['ok', 'warning', 'problem']), detail: z.string() })) }),
  handle: async (_, call) => {
    if (call.caller.kind !== 'admin') return fail(noPermission);
    const findings = [
      ...(await Promise.all([directory(call), sessionCells(call), userCells(call)])),
      ...keyLists(call),
      adminTokens(call),
      delivery(call),
    ];
    return ok({ findings: findings.map((finding): JsonObject => ({ ...finding })) });
  },
});

const directory = ({ db }: Call): Promise<Finding> =>
  finding('DB', async () => {
    const missing = await missingTables(db);
    if (missing.length > 0) throw new Error(`tables are missing: ${missing.join(', ')}; apply the migrations`);
    return 'answers, and its tables are there';
  });

const sessionCells = ({ cells, region }: Call): Promise<Finding> =>
  finding('SESSIONS', async () => {
    await cells.session(newSessionCell(region, 1)).recall({ sessionIds: [], marks: [] });
    return 'answers';
  });

const userCells = ({ cells, region }: Call): Promise<Finding> =>
  finding('USERS', async () => {
    await cells.user(newUserCell(region, 1)).resetFailures('', []);
    return 'answers';
  });

async function finding(subject: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { subject, level: 'ok', detail: await look() };
  } catch (error) {
    return { subject, level: 'problem', detail: error instanceof Error ? error.message : 'does not answer' };
  }
}

const keyLists = ({ config, now }: Call): Finding[] =>
  Object.entries({
    SESSION_ID_KEYS: config.sessionIdKeys,
    PEPPER_KEYS: config.passwords.peppers,
    SEAL_KEYS: config.sealKeys,
    IDEMPOTENCY_KEYS: config.idempotencyKeys,
  }).map(([subject, ring]) => ({ subject, ...keyAges(ring, now) }));

/** How old the keys of a list are, as far as their numbers are the days they were made on (YYMMDD). */
export function keyAges({ newest, keys }: KeyRing, now: number): Pick<Finding, 'level' | 'detail'> {
  const ages = [...keys.keys()].map((number) => `${number} (${describeAge(ageInDays(number, now))})`);
  const age = ageInDays(newest, now);
  const detail = `newest ${newest}; listed: ${ages.join(', ')}`;
  if (age === undefined) return { level: 'warning', detail: `${detail}; number keys YYMMDD, so that their age can be told` };
  if (age > KEY_OLD_DAYS) return { level: 'warning', detail: `${detail}; older than ${KEY_OLD_DAYS} days: rotate it` };
  return { level: 'ok', detail };
}

const describeAge = (days: number | undefined): string => (days === undefined ? 'age unknown' : `${days} days`);

function ageInDays(number: number, now: number): number | undefined {
  const [, year, month, day] = /^(\d\d)(\d\d)(\d\d)$/.exec(String(number).padStart(6, '0')) ?? [];
  const made = Date.parse(`20${year}-${month}-${day}`);
  return Number.isNaN(made) || made > now + DAY_MS ? undefined : Math.max(0, Math.floor((now - made) / DAY_MS));
}

const adminTokens = ({ config: { adminTokens: tokens } }: Call): Finding =>
  tokens.length > 1
    ? { subject: 'ADMIN_TOKEN', level: 'warning', detail: 'two are in force: drop the old one when nobody uses it any more' }
    : { subject: 'ADMIN_TOKEN', level: 'ok', detail: 'one is in force' };

/** Whether people get what is sent to them. */
function delivery({ config: { notify } }: Call): Finding {
  const subject = 'delivery';
  if (notify.devMailbox) return { subject, level: 'warning', detail: 'DEV_MAILBOX is on: every message goes to /dev/mailbox and to nobody else' };
  const missing = [...(notify.email.provider === 'none' ? ['EMAIL_PROVIDER'] : []), ...(notify.sms.provider === 'none' ? ['SMS_PROVIDER'] : [])];
  if (missing.length > 0) return { subject, level: 'warning', detail: `${missing.join(' and ')}: none, so codes of that kind go nowhere` };
  return { subject, level: 'ok', detail: `mail by ${notify.email.provider}, SMS by ${notify.sms.provider}` };
}

/** Ours: what an operator asks about a deployment. */
export const doctorOperations: readonly Operation[] = [diagnose];
