// @ts-check
import { DEMO } from './demo.mjs';

/**
 * What `npm start` prints: lines for a POSIX shell that carry one login from its creation to its end, to be pasted in order.
 * @param {string} address
 * @param {string} adminToken
 */
export function walkThrough(address, adminToken) {
  const patch = (/** @type {string} */ step) =>
    `S=$(curl -sS -X PATCH "$URL/v2beta/sessions/$ID" -H "$AUTH" -d '{"sessionToken":"'"$(printf %s "$S" | field sessionToken)"'",${step}}'); echo "$S"`;
  return `
Sallyport listens on ${address}
  admin token   ${adminToken}
  demo user     ${DEMO.loginName} (${DEMO.userId}), password ${DEMO.password}
  login pages   ${address}/login
  mailbox       ${address}/dev/mailbox, where every mail and SMS goes

One login, to be pasted line by line: create, user, password and a code by e-mail (one in 30 seconds), the code from the mailbox, look, end.

URL=${address} AUTH='authorization: Bearer ${adminToken}'; field() { sed -n 's/.*"'"$1"'":"\\([^"]*\\)".*/\\1/p'; }
S=$(curl -sS -X POST "$URL/v2beta/sessions" -H "$AUTH" -d '{}'); echo "$S"; ID=$(printf %s "$S" | field sessionId)
${patch(`"checks":{"user":{"loginName":"${DEMO.loginName}"}}`)}
${patch(`"checks":{"password":{"password":"${DEMO.password}"}},"challenges":{"otpEmail":{}}`)}
sleep 1; CODE=$(curl -sS "$URL/dev/mailbox?to=${DEMO.loginName}" -H 'accept: application/json' | grep -o '"code":"[0-9]*"' | head -n 1 | field code); echo "$CODE"
${patch(`"checks":{"otpEmail":{"code":"'"$CODE"'"}}`)}
curl -sS "$URL/v2beta/sessions/$ID" -H "$AUTH"; echo
curl -sS -X DELETE "$URL/v2beta/sessions/$ID" -H "$AUTH"; echo
`;
}
