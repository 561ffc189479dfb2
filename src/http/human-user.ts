import * as z from 'zod';
import { decodedLength } from '../core/decoded-length.ts';
import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { emailAddress } from '../core/user/email-address.ts';
import { phoneNumber } from '../core/user/phone-number.ts';
import { LINKS_MOST } from '../directory/links.ts';
import { EMAIL_WAYS, PHONE_WAYS } from './code-way.ts';
import { idpLink } from './idp-link.ts';
import type { Profile } from './new-user.ts';
import { bytes, enumeration, flag, message, text } from './protojson.ts';
import { totpSecret } from './totp-secret.ts';

const METADATA_MOST_BYTES = 500_000;
const METADATA_MOST_ENTRIES = 100;

const GENDERS = ['GENDER_UNSPECIFIED', 'GENDER_FEMALE', 'GENDER_MALE', 'GENDER_DIVERSE'] as const;

const VERIFICATION = ['sendCode', 'returnCode', 'isVerified'] as const;

/** A person, as AddHumanUser and CreateUser take one. */
export const humanFields = () => ({
  profile: message({
    givenName: text(1, 200),
    familyName: text(1, 200),
    nickName: text(0, 200).optional(),
    displayName: text(0, 200).optional(),
    preferredLanguage: text(0, 10).optional(),
    gender: enumeration(GENDERS).optional(),
  }),
  email: message({ email: text(0, 200), ...EMAIL_WAYS, isVerified: flag.optional() }, [VERIFICATION]),
  phone: message({ phone: text(0, 200).optional(), ...PHONE_WAYS, isVerified: flag.optional() }, [VERIFICATION]).optional(),
  metadata: z
    .array(message({ key: text(0, 200), value: bytes.optional() }))
    .max(METADATA_MOST_ENTRIES)
    .optional(),
  password: message({ password: text(1, 200), changeRequired: flag.optional() }).optional(),
  hashedPassword: message({ hash: text(1, 200), changeRequired: flag.optional() }).optional(),
  idpLinks: z.array(idpLink).max(LINKS_MOST).optional(),
  totpSecret: totpSecret.optional(),
});

/** A password is given in one way. */
export const HUMAN_ONEOFS = [['password', 'hashedPassword']] as const;

export type Human = z.infer<z.ZodObject<ReturnType<typeof humanFields>>>;

const refused = (id: string, message: string): Problem => ({ kind: 'invalid-argument', id, message });

const givenNameEmpty = refused('USER-UCej2', 'Given name is empty');
const familyNameEmpty = refused('USER-4hB7d', 'Family name is empty');
const metadataKeyEmpty = refused('USER-Drght', 'Metadata key is empty');
const metadataValueEmpty = refused('USER-Dbgth', 'Metadata value is empty');
const metadataValueTooLarge = refused('USER-Dbgth', `Metadata value is larger than ${METADATA_MOST_BYTES} bytes`);

/** What a new person's row holds, or the first rule of Zitadel's that the request breaks. */
export function profileOf({ profile, email, phone, metadata }: Human): Result<Profile> {
  const [givenName, familyName] = [profile.givenName.trim(), profile.familyName.trim()];
  if (givenName === '') return fail(givenNameEmpty);
  if (familyName === '') return fail(familyNameEmpty);
  const address = emailAddress(email.email);
  if (!address.ok) return address;
  const number = phone?.phone ? phoneNumber(phone.phone) : ok('');
  if (!number.ok) return number;
  const entries = metadataOf(metadata);
  if (!entries.ok) return entries;
  return ok({
    givenName,
    familyName,
    nickName: profile.nickName ?? '',
    displayName: profile.displayName?.trim() || `${givenName} ${familyName}`,
    preferredLanguage: languageOf(profile.preferredLanguage),
    gender: profile.gender === undefined || profile.gender === 'GENDER_UNSPECIFIED' ? '' : profile.gender,
    email: address.value,
    emailVerified: email.isVerified === true,
    phone: number.value,
    phoneVerified: number.value !== '' && phone?.isVerified === true,
    metadata: entries.value,
  });
}

function metadataOf(metadata: Human['metadata'] = []): Result<Profile['metadata']> {
  const entries = metadata.map(({ key, value }) => ({ key, value: value ?? '' }));
  if (entries.some(({ key }) => key.trim() === '')) return fail(metadataKeyEmpty);
  if (entries.some(({ value }) => value === '')) return fail(metadataValueEmpty);
  if (entries.some(({ value }) => decodedLength(value) > METADATA_MOST_BYTES)) return fail(metadataValueTooLarge);
  return ok(entries);
}

/** A BCP 47 tag in its canonical form; one that cannot be read is none, as Zitadel has it. */
function languageOf(tag = ''): string {
  try {
    const [canonical = ''] = tag === '' ? [] : Intl.getCanonicalLocales(tag);
    return canonical === 'und' ? '' : canonical;
  } catch {
    return '';
  }
}
