import { appendFileSync } from 'node:fs';

/** Fields whose text, or list of texts, is a secret, wherever they stand in a message. */
const SECRET_FIELD =
  /^(sessionToken|token|idpIntentToken|password|newPassword|currentPassword|code|verificationCode|secret|clientSecret|otpSms|otpEmail|recoveryCodes)$/i;
/** What is found by chance: short text, words, one character many times, and numbers that follow each other. */
const COMMON = /^(.{0,7}|[a-z]+|12345678|(.)\2*)$/s;

/** What one request and its answer held of secrets, and what a refusal said. */
export interface Noted {
  readonly secrets?: readonly string[];
  /** Those of a request that was refused: nobody's, and something else in the store, perhaps. */
  readonly refused?: readonly string[];
  /** Those that a developer's mailbox shows: they stand in it, on a developer's machine. */
  readonly shown?: readonly string[];
  readonly refusal?: string;
}

/** Keeps the secrets of a request and its answer, where SECRET_MARKERS names a file for them: it is searched for afterwards. */
export function noteSecrets(path: string, sent: unknown, status: number, answered: unknown): void {
  const file = process.env.SECRET_MARKERS;
  if (file === undefined) return;
  const secrets = [...secretsIn(parsed(sent)), ...(status >= 400 ? [] : secretsIn(answered))].filter((secret) => !COMMON.test(secret));
  const kind = path.startsWith('/dev/mailbox') ? 'shown' : status >= 400 ? 'refused' : 'secrets';
  const noted: Noted = { [kind]: secrets, ...(status >= 400 && { refusal: JSON.stringify(answered) }) };
  appendFileSync(file, `${JSON.stringify(noted)}\n`);
}

/** Without recursion: some messages are deep on purpose. */
function secretsIn(message: unknown): string[] {
  const [found, left]: [string[], [value: unknown, isSecret: boolean][]] = [[], [[message, false]]];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [value, isSecret] = next;
    if (typeof value === 'string' && isSecret) found.push(value);
    if (typeof value !== 'object' || value === null) continue;
    for (const [field, each] of Object.entries(value)) left.push([each, SECRET_FIELD.test(field) || (isSecret && Array.isArray(value))]);
  }
  return found;
}

function parsed(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
