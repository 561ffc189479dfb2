/**
 * What became of one try. `refused` will be refused again, so it is not to be repeated; `failed` may go better next time. A reason is for the
 * log: it never holds a code, a token, an address or a body.
 */
export type Delivery = { readonly kind: 'sent' } | { readonly kind: 'refused' | 'failed'; readonly reason: string };

export const sent: Delivery = { kind: 'sent' };
export const refused = (reason: string): Delivery => ({ kind: 'refused', reason });
export const failed = (reason: string): Delivery => ({ kind: 'failed', reason });
