import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { UpdateSession } from '../../src/core/session/command.ts';
import type { User } from '../../src/directory/users.ts';
import { type Login, must, newUser, type patch } from './world.ts';

/** A person to whom codes go as a factor, by e-mail and by SMS. */
export async function newOtpUser(): Promise<User & { readonly email: string; readonly phone: string }> {
  const user = await newUser();
  const [email, phone] = [`${user.id}@mouse.com`, `+4179${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`];
  await env.DB.prepare('UPDATE user SET email = ?2, email_verified = 1, otp_email = 1, phone = ?3, phone_verified = 1, otp_sms = 1 WHERE id = ?1')
    .bind(user.id, email, phone)
    .run();
  return { ...user, email, phone };
}

export const asksFor = (challenges: NonNullable<UpdateSession['challenges']>): Partial<UpdateSession> => ({ challenges });
export const returned = asksFor({ otpEmail: { returnCode: true } });
export const sent = asksFor({ otpEmail: { returnCode: false } });
export const emailCode = (code: string): Partial<UpdateSession> => ({ checks: { otpEmail: { code } } });

/** The code that a PATCH handed back, and the login with the token that it gave. */
export function codeOf(login: Login, answer: Awaited<ReturnType<typeof patch>>): { code: string; login: Login } {
  const { sessionToken = '', handedBack: codes } = must(answer);
  return { code: codes.otpEmail ?? codes.otpSms ?? '', login: { ...login, token: sessionToken } };
}

/** Another code of the same length. */
export const otherThan = (code: string): string => code.replace(/^./, (digit) => String((Number(digit) + 1) % 10));

export const stubOf = ({ sessionCell }: Pick<Login, 'sessionCell'>) => env.SESSIONS.getByName(sessionCell);

/** Has a session's cell send by other settings; until it is evicted. */
export const configure = (login: Pick<Login, 'sessionCell'>, settings: object): Promise<void> =>
  runInDurableObject(stubOf(login), (instance) => void Object.assign(instance, { env: { ...env, ...settings } }));
