// @ts-check
import { DEMO } from './demo.mjs';

/**
 * What `npm start` prints: lines for a POSIX shell that carry one login from its creation to its end, to be pasted in order.
 * @param {string} address
 * @param {string} adminToken
 */
export function walkThrough(address, adminToken) {
  const patch = (/** @type {string} */ checks) =>
    `S=$(curl -sS -X PATCH "$URL/v2beta/sessions/$ID" -H "$AUTH" -d '{"sessionToken":"'"$(printf %s "$S" | field sessionToken)"'","checks":${checks}}'); echo "$S"`;
  return `
Sallyport listens on ${address}
  admin token   ${adminToken}
  demo user     ${DEMO.loginName} (${DEMO.userId}), password ${DEMO.password}

One login, to be pasted line by line: create, user, password, look, end.

URL=${address} AUTH='authorization: Bearer ${adminToken}'; field() { sed -n 's/.*"'"$1"'":"\\([^"]*\\)".*/\\1/p'; }
S=$(curl -sS -X POST "$URL/v2beta/sessions" -H "$AUTH" -d '{}'); echo "$S"; ID=$(printf %s "$S" | field sessionId)
${patch(`{"user":{"loginName":"${DEMO.loginName}"}}`)}
${patch(`{"password":{"password":"${DEMO.password}"}}`)}
curl -sS "$URL/v2beta/sessions/$ID" -H "$AUTH"; echo
curl -sS -X DELETE "$URL/v2beta/sessions/$ID" -H "$AUTH"; echo
`;
}
