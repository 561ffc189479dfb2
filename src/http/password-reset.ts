import type * as z from 'zod';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { User } from '../directory/users.ts';
import { type CodeOrder, issueCode } from '../login-step/user-codes.ts';
import { defaultLink, linkTemplate } from './links.ts';
import { maySteer } from './may-steer.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { emit, enumeration, message, text } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { presentDetails } from './user-messages.ts';
import { walkOf } from './walk-of.ts';

const NOTIFICATION_TYPES = ['NOTIFICATION_TYPE_Unspecified', 'NOTIFICATION_TYPE_Email', 'NOTIFICATION_TYPE_SMS'] as const;

const passwordResetMessage = () =>
  message(
    {
      userId: text(1, 200),
      sendLink: message({
        notificationType: enumeration(NOTIFICATION_TYPES).optional(),
        urlTemplate: linkTemplate('UserID', 'OrgID', 'Code').optional(),
      }).optional(),
      returnCode: message({}).optional(),
    },
    [['sendLink', 'returnCode']],
  );

type Link = NonNullable<z.infer<ReturnType<typeof passwordResetMessage>>['sendLink']>;

const userNotFound: Problem = { kind: 'not-found', id: 'COMMAND-SAF4f', message: 'User could not be found' };
const noAddress = (what: string): Problem => ({ kind: 'failed-precondition', id: 'SALLY-NoAddress', message: `User has no verified ${what}` });

const passwordReset = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/PasswordReset`,
    routes: [`POST /${version}/users/{userId}/password_reset`],
    input: passwordResetMessage,
    handle: async ({ userId, sendLink, returnCode }, call) => {
      const reached = await reachUser(call, userId, { permission: 'user.write', orSelf: true }, userNotFound);
      if (!reached.ok) return reached;
      const user = reached.value;
      if (user.kind === 'machine') return fail(userNotFound);
      const order = returnCode === undefined ? await sent(call, user, sendLink ?? {}) : await returned(call, user);
      if (!order.ok) return order;
      const basis = passwordResetBasis(user, order.value.to);
      const code = await issueCode(walkOf(call), user, { purpose: 'passwordReset', basis, ...order.value });
      return code.ok ? ok(emit({ details: presentDetails(user), verificationCode: code.value.code })) : code;
    },
  });

/** What a code that resets a password is good for: this version of it, as long as the address that the code went to is the user's own and verified. */
const passwordResetBasis = ({ passwordVersion }: User, to: string): string => JSON.stringify([passwordVersion, to]);

/** Whether a code is still good for what it was opened for. */
export function allowsReset(user: User, basis: string): boolean {
  const { email, emailVerified, phone, phoneVerified } = user;
  const addresses = ['', ...(emailVerified ? [email] : []), ...(phoneVerified ? [phone] : [])];
  return addresses.some((to) => passwordResetBasis(user, to) === basis);
}

type Order = Pick<CodeOrder, 'channel' | 'to' | 'way'>;

const returned = async (call: Call, user: User): Promise<Result<Order>> =>
  (await maySteer(call, user, 'user.write', 'returned')) ? ok({ channel: 'email', to: '', way: { kind: 'returned' } }) : fail(noPermission);

/** Only to an address that was verified: whoever gets the code can set the password. */
async function sent(call: Call, user: User, { notificationType, urlTemplate }: Link): Promise<Result<Order>> {
  if (urlTemplate !== undefined && !(await maySteer(call, user, 'user.write', 'linked'))) return fail(noPermission);
  const way = { kind: 'sent', urlTemplate: urlTemplate ?? defaultLink(call, 'password'), ownLink: urlTemplate !== undefined } as const;
  const { email, emailVerified, phone, phoneVerified } = user;
  if (notificationType === 'NOTIFICATION_TYPE_SMS') return phoneVerified ? ok({ channel: 'sms', to: phone, way }) : fail(noAddress('phone number'));
  return emailVerified ? ok({ channel: 'email', to: email, way }) : fail(noAddress('e-mail address'));
}

/** zitadel.user.v2 and v2beta UserService: PasswordReset. */
export const passwordResetOperations: readonly Operation[] = (['v2', 'v2beta'] as const).map(passwordReset);
