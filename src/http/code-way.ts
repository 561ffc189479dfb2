import type * as z from 'zod';
import type { CodeWay } from '../login-step/user-codes.ts';
import { linkTemplate } from './links.ts';
import { message } from './protojson.ts';

/** How a code is to reach somebody, as Zitadel's messages have it: sent by e-mail, with a link of the caller's own or the default one; or returned. */
export const EMAIL_WAYS = {
  sendCode: message({ urlTemplate: linkTemplate('UserID', 'OrgID', 'Code').optional() }).optional(),
  returnCode: message({}).optional(),
};

/** The same for a code by SMS, which has no link. */
export const PHONE_WAYS = {
  sendCode: message({}).optional(),
  returnCode: message({}).optional(),
};

/** The way that was chosen; without a choice, a code is sent. */
export const wayOf = ({ sendCode, returnCode }: z.infer<z.ZodObject<typeof EMAIL_WAYS>>, link: string): CodeWay =>
  returnCode === undefined
    ? { kind: 'sent', urlTemplate: sendCode?.urlTemplate ?? link, ownLink: sendCode?.urlTemplate !== undefined }
    : { kind: 'returned' };
