/** A person as an identity provider knows them. */
export interface ExternalUser {
  /** The provider's own id. */
  readonly id: string;
  readonly userName: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly nickName: string;
  readonly displayName: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly phone: string;
  readonly phoneVerified: boolean;
  readonly preferredLanguage: string;
}

/** Under which name a provider tells each of these; the first that is there counts. */
export type ClaimNames = { readonly [Claim in keyof ExternalUser]?: readonly string[] };

/** OpenID Connect Core section 5.1. */
export const STANDARD_CLAIMS: ClaimNames = {
  id: ['sub'],
  userName: ['preferred_username'],
  givenName: ['given_name'],
  familyName: ['family_name'],
  nickName: ['nickname'],
  displayName: ['name'],
  email: ['email'],
  emailVerified: ['email_verified'],
  phone: ['phone_number'],
  phoneVerified: ['phone_number_verified'],
  preferredLanguage: ['locale'],
};

const LONGEST = 200;

/** Reads a person out of what a provider told; undefined without an id. What is no text, or too long to be kept, is as good as not there. Pure. */
export function externalUserOf(claims: Readonly<Record<string, unknown>>, names: ClaimNames): ExternalUser | undefined {
  const found = (claim: keyof ExternalUser): unknown => names[claim]?.map((name) => own(claims, name)).find((value) => value != null && value !== '');
  const text = (claim: keyof ExternalUser): string => textOf(found(claim)).trim();
  const flag = (claim: keyof ExternalUser): boolean => [true, 'true'].includes(found(claim) as boolean | string);
  const id = textOf(found('id'));
  if (id === '') return undefined;
  return {
    id,
    userName: text('userName'),
    givenName: text('givenName'),
    familyName: text('familyName'),
    nickName: text('nickName'),
    displayName: text('displayName'),
    email: text('email'),
    emailVerified: flag('emailVerified'),
    phone: text('phone'),
    phoneVerified: flag('phoneVerified'),
    preferredLanguage: text('preferredLanguage'),
  };
}

const own = (claims: Readonly<Record<string, unknown>>, name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined);

/** Some providers number their users. */
function textOf(value: unknown): string {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === 'string' && text.isWellFormed() && [...text].length <= LONGEST ? text : '';
}
