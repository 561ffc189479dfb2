import type { ExternalUser } from '../core/intent/external-user.ts';
import { emailAddress } from '../core/user/email-address.ts';
import { phoneNumber } from '../core/user/phone-number.ts';
import { emit, type JsonObject } from './protojson.ts';

const LANGUAGE_MOST = 10;

/**
 * A body for AddHumanUser, made of what a provider told, which can be posted as it is: AddHumanUser wants both names, so one that is missing is taken from
 * the display name or the user name; what it would refuse is left out. Only an e-mail address cannot be made up: where there is none, the login page
 * has to ask.
 */
export function readyMadeUser(idpId: string, userName: string, user: ExternalUser): JsonObject {
  const { nickName, displayName, preferredLanguage, emailVerified, phoneVerified } = user;
  const [first = userName, ...others] = displayName.split(/\s+/).filter(Boolean);
  const givenName = user.givenName || first;
  const familyName = user.familyName || others.join(' ') || userName;
  const language = preferredLanguage.length <= LANGUAGE_MOST ? preferredLanguage : '';
  const [email, phone] = [emailAddress(user.email), phoneNumber(user.phone)];
  return {
    username: userName,
    profile: emit({ givenName, familyName, nickName, displayName, preferredLanguage: language }),
    ...(email.ok && { email: { email: email.value, ...verification(emailVerified) } }),
    ...(phone.ok && { phone: { phone: phone.value, ...verification(phoneVerified) } }),
    idpLinks: [{ idpId, userId: user.id, userName }],
  };
}

const verification = (verified: boolean): JsonObject => (verified ? { isVerified: true } : { sendCode: {} });
