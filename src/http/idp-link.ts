import type { Problem } from '../core/problem.ts';
import { message, text } from './protojson.ts';

export const idpUnknown: Problem = { kind: 'failed-precondition', id: 'COMMAND-39nf2', message: 'Identity provider does not exist' };
export const linkTaken: Problem = { kind: 'already-exists', id: 'V3-DKcYh', message: 'External IDP is already taken' };

/** Zitadel's IDPLink. */
export const idpLink = message({ idpId: text(1, 200), userId: text(1, 200), userName: text(1, 200) }).transform(({ idpId, userId, userName }) => ({
  idpId,
  idpUserId: userId,
  idpUserName: userName,
}));
