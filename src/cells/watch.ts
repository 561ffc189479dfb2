import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { StopOf } from '../core/session/admission.ts';
import { presentSession } from '../core/session/present.ts';
import { type SessionView, viewOf } from '../core/session/read.ts';
import type { SessionEvent } from '../core/session/session.ts';
import type { AlarmClock } from './alarm-clock.ts';
import type { SessionStore } from './session-store.ts';

/** The subprotocol that a watch is spoken in. */
export const WATCH_PROTOCOL = 'sallyport.watch.v1';

/** Watches of one session at a time. */
const WATCHES_MOST = 32;
const tooMany: Problem = { kind: 'resource-exhausted', id: 'SALLY-Watches', message: 'Too many watch this session' };

/** Going away on purpose (RFC 6455 section 7.4.2 leaves these to applications). */
const ENDED = 4000;

/**
 * Those who watch the sessions of a cell, over WebSockets that hibernate: between two messages the cell may be evicted, and they stay. What they are
 * told is what anybody is shown who may read the session.
 */
export class Watch {
  readonly #state: DurableObjectState;
  readonly #store: SessionStore;
  readonly #alarm: AlarmClock;
  readonly #stopOf: StopOf;

  constructor(state: DurableObjectState, store: SessionStore, alarm: AlarmClock, stopOf: StopOf) {
    this.#state = state;
    this.#store = store;
    this.#alarm = alarm;
    this.#stopOf = stopOf;
    state.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'));
  }

  /** Begins a watch of a session that its caller may read: the first message is the whole of it. */
  begin(view: SessionView): Result<WebSocket> {
    const { id, expiresAt } = view.session;
    if (this.#state.getWebSockets(id).filter(isOpen).length >= WATCHES_MOST) return fail(tooMany);
    const { 0: client, 1: server } = new WebSocketPair();
    this.#state.acceptWebSocket(server, [id]);
    server.serializeAttachment(id);
    server.send(messageOf(view, []));
    if (view.state !== 'active') close(server, view.state);
    else this.#alarm.ringBy(expiresAt);
    return ok(client);
  }

  /** Tells what has happened to a session, once it is committed. */
  tell(sessionId: string, events: readonly SessionEvent['type'][], now: number): void {
    const sockets = this.#state.getWebSockets(sessionId).filter(isOpen);
    if (sockets.length === 0) return;
    const view = this.#view(sessionId, now);
    for (const socket of sockets) {
      if (view) socket.send(messageOf(view, events));
      if (view?.state !== 'active') close(socket, reasonOf(view));
    }
  }

  /** Ends the watches of what is over. @returns when the next of those watched expires */
  sweep(now: number): number | undefined {
    let next: number | undefined;
    for (const socket of this.#state.getWebSockets().filter(isOpen)) {
      const id = socket.deserializeAttachment() as string;
      const view = this.#view(id, now);
      if (view?.state !== 'active') close(socket, reasonOf(view));
      else next = Math.min(next ?? view.session.expiresAt, view.session.expiresAt);
    }
    return next;
  }

  #view(sessionId: string, now: number): SessionView | undefined {
    return viewOf(this.#store.find(sessionId)?.session, this.#stopOf, now);
  }
}

const messageOf = (view: SessionView, events: readonly SessionEvent['type'][]): string =>
  JSON.stringify({ sequence: String(view.session.sequence), ...(events.length > 0 && { events }), session: presentSession(view) });

const reasonOf = (view: SessionView | undefined): string => (view === undefined ? 'terminated' : view.state);

/** A socket stays with the cell after its close, until the client has answered that. */
const isOpen = ({ readyState }: WebSocket): boolean => readyState === WebSocket.OPEN;

const close = (socket: WebSocket, reason: string): void => socket.close(ENDED, reason);
