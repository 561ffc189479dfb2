import { type Delivery, failed, refused, sent } from './delivery.ts';

/** The statuses of the 400s that another try may change: timeout, too early, too many requests. */
const PASSING = new Set([408, 425, 429]);

/** Posts a body once. A redirect is not followed: it would carry a code to somewhere that nobody has set. */
export async function post(url: string, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<Delivery> {
  try {
    const response = await fetch(url, { method: 'POST', redirect: 'manual', headers, body, signal });
    response.body?.cancel().catch(() => undefined);
    return outcomeOf(response.status);
  } catch {
    return failed('the provider could not be reached');
  }
}

function outcomeOf(status: number): Delivery {
  if (status >= 200 && status < 300) return sent;
  if (status >= 300 && status < 400) return failed(`HTTP ${status}: redirects are not followed`);
  return status >= 400 && status < 500 && !PASSING.has(status) ? refused(`HTTP ${status}`) : failed(`HTTP ${status}`);
}
