import type { RegisterPasskeyResponseJson } from '@zitadel/proto/zitadel/user/v2/user_service_pb.js';
import { Hono } from 'hono';
import { Field, Form, formJson, formText, Says } from './form.tsx';
import { textsIn } from './language.ts';
import { showPage } from './page.tsx';
import type { LoginEnv } from './room.ts';
import { goOn, keepVisit } from './visit.ts';

const textsOf = textsIn({
  verifyTitle: ['Confirm your e-mail address', 'E-Mail-Adresse bestätigen'],
  verify: ['Confirm', 'Bestätigen'],
  over: ['This link is not good any more. Please ask for a new one.', 'Dieser Link gilt nicht mehr. Bitte einen neuen anfordern.'],
  codeTitle: ['Your code', 'Ihr Code'],
  codeElsewhere: ['Type this code where you began to sign in.', 'Geben Sie diesen Code dort ein, wo Sie die Anmeldung begonnen haben.'],
  passkeyTitle: ['Set up your passkey', 'Passkey einrichten'],
  passkeyName: ['Name of this device', 'Name dieses Geräts'],
  addPasskey: ['Add a passkey', 'Passkey hinzufügen'],
  needsScript: ['Passkeys need JavaScript.', 'Passkeys brauchen JavaScript.'],
});

/** Where the links in messages lead: addresses to confirm, codes, passkeys to set up. A link changes nothing by being opened. */
export const links = new Hono<LoginEnv>();

links.get('/verify', async (context) => {
  const { language, visit } = context.var;
  const texts = textsOf(language);
  const { code = '', userId = '' } = context.req.query();
  if (visit.notice) await keepVisit(context, { ...visit, notice: undefined });
  return showPage(
    context,
    texts.verifyTitle,
    <>
      <Says notice={visit.notice} texts={texts} />
      <Form action="/login/verify">
        <input type="hidden" name="code" value={code} />
        <input type="hidden" name="userId" value={userId} />
        <button type="submit">{texts.verify}</button>
      </Form>
    </>,
  );
});

links.post('/verify', async (context) => {
  const { visit, api } = context.var;
  const [code, userId] = [await formText(context, 'code'), await formText(context, 'userId')];
  const verified = await api.post(`/v2/users/${encodeURIComponent(userId)}/email/verify`, { verificationCode: code });
  if (verified.ok) return goOn(context, { ...visit, notice: { text: 'verified' } });
  return goOn(context, { ...visit, notice: { text: 'over' } }, `/login/verify?${new URLSearchParams({ code, userId })}`);
});

/** In the browser that is signing in the code is filled in; in another it is shown. */
links.get('/otp/email', (context) => {
  const { language, visit } = context.var;
  const { code = '', sessionId } = context.req.query();
  if (visit.session?.id === sessionId) return goOn(context, { ...visit, method: 'OTP_EMAIL', code }, '/login');
  const texts = textsOf(language);
  return showPage(
    context,
    texts.codeTitle,
    <>
      <p>{texts.codeElsewhere}</p>
      <p class="code">{code}</p>
    </>,
  );
});

links.get('/passkey/set', async (context) => {
  const { language, visit } = context.var;
  const texts = textsOf(language);
  if (visit.notice) await keepVisit(context, { ...visit, notice: undefined });
  const query = new URLSearchParams(context.req.query());
  return showPage(
    context,
    texts.passkeyTitle,
    <>
      <Says notice={visit.notice} texts={texts} />
      <noscript>
        <p class="notice">{texts.needsScript}</p>
      </noscript>
      <Form action="/login/passkey/set" hidden data-passkey-new={`/login/passkey/set/options?${query}`}>
        <input type="hidden" name="credential" />
        <Field name="passkeyName" label={texts.passkeyName} autocomplete="off" maxlength={100} />
        <button type="submit">{texts.addPasskey}</button>
      </Form>
    </>,
  );
});

links.post('/passkey/set/options', async (context) => {
  const { visit, api } = context.var;
  const { codeId: id = '', code = '', userId = '' } = context.req.query();
  const body = { code: { id, code }, domain: new URL(context.req.url).hostname };
  const begun = await api.post<RegisterPasskeyResponseJson>(`/v2/users/${encodeURIComponent(userId)}/passkeys`, body);
  if (!begun.ok) return context.json({}, 409);
  await keepVisit(context, { ...visit, adding: begun.value.passkeyId, addingTo: userId });
  return context.json(begun.value.publicKeyCredentialCreationOptions ?? {});
});

links.post('/passkey/set', async (context) => {
  const { visit, api } = context.var;
  const { adding = '', addingTo = '', ...rest } = visit;
  const body = { publicKeyCredential: await formJson(context, 'credential'), passkeyName: await formText(context, 'passkeyName') };
  const added = await api.post(`/v2/users/${encodeURIComponent(addingTo)}/passkeys/${adding}`, body);
  return added.ok ? goOn(context, { ...rest, notice: { text: 'passkeySet' } }) : goOn(context, { ...rest, notice: { text: 'wrongPasskey' } });
});
