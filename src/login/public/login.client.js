// What the login pages need of a browser beyond forms: passkeys, and waiting for a phone.

/** @param {string} url @returns {Promise<any>} */
async function optionsFrom(url) {
  const response = await fetch(url, { method: 'POST' });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()).publicKey;
}

/** @param {HTMLFormElement} form @param {string} field @param {unknown} value */
function send(form, field, value) {
  const input = form.elements.namedItem(field);
  if (input instanceof HTMLInputElement) input.value = JSON.stringify(value);
  form.submit();
}

let offering = new AbortController();

/** @param {HTMLFormElement} form @param {CredentialMediationRequirement} [mediation] */
async function useKey(form, mediation) {
  offering.abort();
  offering = new AbortController();
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await optionsFrom(form.dataset.passkey ?? ''));
  const credential = await navigator.credentials.get({ publicKey, signal: offering.signal, ...(mediation && { mediation }) });
  if (credential instanceof PublicKeyCredential) send(form, 'assertion', credential.toJSON());
}

/** @param {HTMLFormElement} form */
async function addKey(form) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await optionsFrom(form.dataset.passkeyNew ?? ''));
  const credential = await navigator.credentials.create({ publicKey });
  if (credential instanceof PublicKeyCredential) send(form, 'credential', credential.toJSON());
}

/** Whoever changes their mind stays where they are. @param {Promise<void>} work */
const quietly = (work) => work.catch(() => {});

if ('PublicKeyCredential' in window) {
  for (const form of document.querySelectorAll('form[data-passkey], form[data-passkey-new]')) {
    if (!(form instanceof HTMLFormElement)) continue;
    form.hidden = false;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      quietly('passkey' in form.dataset ? useKey(form) : addKey(form));
    });
    if ('conditional' in form.dataset) {
      quietly(
        PublicKeyCredential.isConditionalMediationAvailable().then((available) => {
          if (available) return useKey(form, 'conditional');
        }),
      );
    }
  }
}

for (const form of document.querySelectorAll('form[data-wait]')) {
  if (!(form instanceof HTMLFormElement)) continue;
  const events = new EventSource(form.dataset.wait ?? '');
  events.addEventListener('ready', () => {
    events.close();
    form.submit();
  });
}
