import type { RegisterPasskeyResponseJson, RegisterU2FResponseJson } from '@zitadel/proto/zitadel/user/v2/user_service_pb.js';
import { Hono } from 'hono';
import { Field, Form, formJson, formText } from './form.tsx';
import { type Language, textsIn } from './language.ts';
import type { LoginEnv } from './room.ts';
import { said, signedIn, withOwn } from './signed-in.ts';
import { keepVisit } from './visit.ts';

const textsOf = textsIn({
  passkeys: ['Passkeys', 'Passkeys'],
  noPasskeys: [
    'You have no passkey yet. With one you sign in without a password.',
    'Noch kein Passkey. Mit einem Passkey melden Sie sich ohne Passwort an.',
  ],
  passkeyName: ['Name of this device', 'Name dieses Geräts'],
  addPasskey: ['Add a passkey', 'Passkey hinzufügen'],
  keys: ['Security keys', 'Sicherheitsschlüssel'],
  noKeys: [
    'You have no security key yet. It confirms that it is you, after the password.',
    'Noch kein Sicherheitsschlüssel. Er bestätigt nach dem Passwort, dass Sie es sind.',
  ],
  keyName: ['Name of the key', 'Name des Schlüssels'],
  addKey: ['Add a security key', 'Sicherheitsschlüssel hinzufügen'],
  needsScript: ['This needs JavaScript.', 'Das braucht JavaScript.'],
  remove: ['Remove', 'Entfernen'],
});

/** Passkeys, and keys that are second factors alone: the same in all but their words. */
const KINDS = {
  passkeys: { title: 'passkeys', none: 'noPasskeys', label: 'passkeyName', add: 'addPasskey', nameField: 'passkeyName' },
  u2f: { title: 'keys', none: 'noKeys', label: 'keyName', add: 'addKey', nameField: 'tokenName' },
} as const;
type Kind = keyof typeof KINDS;

interface CredentialsProps {
  readonly kind: Kind;
  readonly found: readonly { readonly id?: string; readonly name?: string }[];
  readonly language: Language;
}

/** Those that somebody has: to name and add another, and to remove one. */
export function Credentials({ kind, found, language }: CredentialsProps) {
  const texts = textsOf(language);
  const { title, none, label, add, nameField } = KINDS[kind];
  return (
    <section aria-labelledby={kind}>
      <h2 id={kind}>{texts[title]}</h2>
      {found.length === 0 && <p>{texts[none]}</p>}
      <ul class="list">
        {found.map(({ id, name }) => (
          <li>
            <strong>{name || texts[title]}</strong>
            <Form action={`/login/account/${kind}/remove`}>
              <button type="submit" name="id" value={id} class="link">
                {texts.remove} <span class="visually-hidden">{name}</span>
              </button>
            </Form>
          </li>
        ))}
      </ul>
      <noscript>
        <p class="hint">{texts.needsScript}</p>
      </noscript>
      <Form action={`/login/account/${kind}`} hidden data-passkey-new={`/login/account/${kind}/options`}>
        <input type="hidden" name="credential" />
        <Field name={nameField} label={texts[label]} autocomplete="off" maxlength={100} />
        <button type="submit" class="quiet">
          {texts[add]}
        </button>
      </Form>
    </section>
  );
}

/** What one does with one's own credentials. */
export const credentials = new Hono<LoginEnv>();

for (const kind of Object.keys(KINDS) as Kind[]) {
  const { nameField } = KINDS[kind];

  credentials.post(`/${kind}/options`, async (context) => {
    const found = await signedIn(context);
    if (found === undefined) return context.json({}, 403);
    const domain = new URL(context.req.url).hostname;
    const begun = await found.own.post<RegisterPasskeyResponseJson & RegisterU2FResponseJson>(`/v2/users/${found.userId}/${kind}`, { domain });
    if (!begun.ok) return context.json({}, 409);
    await keepVisit(context, { ...context.var.visit, adding: begun.value.passkeyId ?? begun.value.u2fId });
    return context.json(begun.value.publicKeyCredentialCreationOptions ?? {});
  });

  credentials.post(`/${kind}`, (context) =>
    withOwn(context, async ({ own, userId }) => {
      const body = { publicKeyCredential: await formJson(context, 'credential'), [nameField]: await formText(context, nameField) };
      return said((await own.post(`/v2/users/${userId}/${kind}/${context.var.visit.adding ?? 'none'}`, body)).ok, 'added');
    }),
  );

  credentials.post(`/${kind}/remove`, (context) =>
    withOwn(context, async ({ own, userId }) => {
      const id = encodeURIComponent(await formText(context, 'id'));
      return said((await own.delete(`/v2/users/${userId}/${kind}/${id}`)).ok, 'removed');
    }),
  );
}
