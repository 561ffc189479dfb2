import { create, loginOf, ofUser, patch, post, Sallyport } from '../support/sallyport.ts';
import { Asker } from './asker.ts';
import { MOODS, MoodyMailPeer } from './moody-mail-peer.ts';
import type { Report } from './report.ts';

const MAILS_A_MOOD = 25;
const MOOD_MS = 4_000;
const CATCH_UP_MOST_MS = 75_000;

/** Whoever takes the mail is down, then silent, then failing, then up: no request waits for it, and every mail that was promised comes, each once. */
export async function faultMail(bundle: string): Promise<Report> {
  const peer = new MoodyMailPeer();
  await peer.start();
  const sallyport = await Sallyport.start(bundle, peer.settings);
  const asker = new Asker(() => sallyport.worker.port);
  try {
    const readers = await sallyport.people(MAILS_A_MOOD * MOODS.length, {});
    await sallyport.all(readers.map(({ userId }) => post(`/v2/users/${userId}/otp_email`, {})));
    const promised: string[] = [];
    for (const mood of MOODS) {
      await peer.become(mood);
      const asked = readers.splice(0, MAILS_A_MOOD).map((reader) => create({ ...ofUser(reader), challenges: { otpEmail: { sendCode: {} } } }));
      const logins = (await asker.ask(asked)).map(loginOf);
      promised.push(...logins.map(({ id }) => id));
      await asker.ask(logins.map((login) => patch(login, { metadata: { mood: 'MQ==' } })));
      if (mood !== 'up') await new Promise((resolve) => setTimeout(resolve, MOOD_MS));
    }
    const tookMs = await caughtUp(() => promised.every((id) => peer.received.includes(id)));
    const missing = promised.filter((id) => !peer.received.includes(id)).length;
    return {
      figures: `mail down, silent, failing: ${asker.figures}, ${promised.length} mails promised, all there after ${Math.round(tookMs / 1000)} s`,
      faults: [
        ...asker.faults,
        ...(missing > 0 ? [`${missing} mails that were promised never came`] : []),
        ...(peer.received.length > promised.length ? ['a mail that had come came again'] : []),
        ...(asker.unavailable > 0 ? ['a request was refused for the sake of mail'] : []),
      ],
    };
  } finally {
    peer.close();
    await sallyport.worker.end();
  }
}

async function caughtUp(isSo: () => boolean): Promise<number> {
  const begunAt = performance.now();
  while (!isSo() && performance.now() - begunAt < CATCH_UP_MOST_MS) await new Promise((resolve) => setTimeout(resolve, 100));
  return performance.now() - begunAt;
}
