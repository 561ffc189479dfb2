/** One request of a history: when it was sent and answered, with which token, and what it was told. */
export interface Entry {
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly presented: string;
  readonly key: string;
  readonly outcome: Success | 'refused';
}

export interface Success {
  readonly token: string;
  readonly sequence: number;
}

/** A look at the session: its sequence, and when that was asked for. */
export interface Look {
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly sequence: number;
}

/** One change of the session, with all that was told of it: the first request and its repeats. */
interface Change extends Success {
  readonly presented: string;
  readonly key: string;
  /** It happened after the first of them was sent, and before the first of them was answered. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

/**
 * What no session that takes its requests one after the other could have told (linearizability: Herlihy and Wing, 1990). The tokens leave no choice of
 * an order: each change presents the token that the change before it gave.
 */
export function faultsIn(first: string, entries: readonly Entry[], looks: readonly Look[]): string[] {
  const changes = changesIn(entries);
  const chain = chainFrom(first, changes);
  return [
    ...(new Set(changes.map(({ presented }) => presented)).size < changes.length ? ['a token was good twice'] : []),
    ...(chain.length < changes.length ? ['a change hangs on no token that was live'] : []),
    ...chain.flatMap((change, at) => outOfOrder(change, chain.slice(at + 1))),
    ...entries.filter((entry) => entry.outcome === 'refused' && wasLive(entry, first, chain)).map(() => 'a token was refused while it was live'),
    ...looks.flatMap((look) => misseen(look, chain)),
  ];
}

function chainFrom(first: string, changes: readonly Change[]): Change[] {
  const chain: Change[] = [];
  let next = changes.find(({ presented }) => presented === first);
  while (next !== undefined && !chain.includes(next)) {
    const { token } = next;
    chain.push(next);
    next = changes.find(({ presented }) => presented === token);
  }
  return chain;
}

const outOfOrder = (change: Change, later: readonly Change[]): string[] => [
  ...(later.some(({ sequence }) => sequence <= change.sequence) ? ['the sequence does not grow'] : []),
  ...(later.some(({ answeredAt }) => answeredAt < change.sentAt) ? ['a change came before one that was over when it was sent'] : []),
];

const misseen = ({ sentAt, answeredAt, sequence }: Look, chain: readonly Change[]): string[] => [
  ...(chain.some((change) => change.answeredAt < sentAt && change.sequence > sequence) ? ['a look did not see a change that was over'] : []),
  ...(chain.some((change) => change.sentAt > answeredAt && change.sequence <= sequence) ? ['a look saw a change that had not begun'] : []),
];

function changesIn(entries: readonly Entry[]): Change[] {
  const byToken = new Map<string, Change>();
  for (const { outcome, ...entry } of entries) {
    if (outcome === 'refused') continue;
    const known = byToken.get(outcome.token);
    const [sentAt, answeredAt] = [
      Math.min(known?.sentAt ?? entry.sentAt, entry.sentAt),
      Math.min(known?.answeredAt ?? entry.answeredAt, entry.answeredAt),
    ];
    byToken.set(outcome.token, { ...outcome, presented: entry.presented, key: entry.key, sentAt, answeredAt });
  }
  return [...byToken.values()];
}

/** Whether a token was live all the while that a request with it was under way. */
function wasLive({ presented, sentAt, answeredAt }: Entry, first: string, chain: readonly Change[]): boolean {
  const maker = chain.find(({ token }) => token === presented);
  const user = chain.find((change) => change.presented === presented);
  const isMade = presented === first || (maker !== undefined && maker.answeredAt < sentAt);
  return isMade && (user === undefined || user.sentAt > answeredAt);
}
