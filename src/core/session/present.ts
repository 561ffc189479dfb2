import { emit, type JsonObject, toTimestamp } from '../json.ts';
import type { SessionView } from './read.ts';
import { FACTORS, type Factor, type WebAuthNFactor } from './session.ts';

/** A session as Get shows it: section 8.1, without token and without what is open. `state` is ours, and left out while it is active. */
export function presentSession({ session, state }: SessionView): JsonObject {
  const { id, creationDate, changeDate, sequence, user, factors, metadata, userAgent, expiresAt } = session;
  return emit({
    id,
    creationDate: toTimestamp(creationDate),
    changeDate: toTimestamp(changeDate),
    sequence: String(sequence),
    factors:
      user &&
      emit({
        user: emit({
          verifiedAt: toTimestamp(user.verifiedAt),
          id: user.id,
          loginName: user.loginName,
          displayName: user.displayName,
          organizationId: user.organizationId,
        }),
        ...Object.fromEntries(FACTORS.map((factor) => [factor === 'idpIntent' ? 'intent' : factor, presentFactor(factors[factor])])),
      }),
    metadata: Object.keys(metadata).length > 0 ? metadata : undefined,
    userAgent: userAgent && presentUserAgent(userAgent),
    expirationDate: toTimestamp(expiresAt),
    state: state === 'active' ? undefined : `SESSION_STATE_${state.toUpperCase()}`,
  });
}

const presentFactor = (factor: Factor | WebAuthNFactor | undefined): JsonObject | undefined =>
  factor && emit({ verifiedAt: toTimestamp(factor.verifiedAt), userVerified: 'userVerified' in factor ? factor.userVerified : undefined });

function presentUserAgent({ fingerprintId, ip, description, header }: NonNullable<SessionView['session']['userAgent']>): JsonObject {
  const headers = Object.entries(header ?? {}).map(([name, values]) => [name, emit({ values })] as const);
  return {
    // Set optional scalars are emitted even when empty.
    ...(fingerprintId !== undefined && { fingerprintId }),
    ...(ip !== undefined && { ip }),
    ...(description !== undefined && { description }),
    ...(headers.length > 0 && { header: Object.fromEntries(headers) }),
  };
}
