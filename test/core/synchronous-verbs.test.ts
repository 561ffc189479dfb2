import { describe, expectTypeOf, it } from 'vitest';
import type { SessionCell } from '../../src/cells/session-cell.ts';
import type { SessionCellVerbs } from '../../src/cells/session-protocol.ts';
import type { UserCell } from '../../src/cells/user-cell.ts';
import type { UserCellVerbs } from '../../src/cells/user-protocol.ts';

// Held by the type checker (`npm run check`): a verb that became async would let other requests in between its read and its write.
type Waits<Method> = Method extends (...args: never[]) => PromiseLike<unknown> ? true : false;

describe('a verb that changes something', () => {
  it('is a synchronous function: peek', () => expectTypeOf<Waits<SessionCell['peek']>>().toEqualTypeOf<false>());
  it('is a synchronous function: create', () => expectTypeOf<Waits<SessionCell['create']>>().toEqualTypeOf<false>());
  it('is a synchronous function: commit', () => expectTypeOf<Waits<SessionCell['commit']>>().toEqualTypeOf<false>());
  it('is a synchronous function: terminate', () => expectTypeOf<Waits<SessionCell['terminate']>>().toEqualTypeOf<false>());
  it('is a synchronous function: read', () => expectTypeOf<Waits<SessionCell['read']>>().toEqualTypeOf<false>());
  it('is a synchronous function: authenticate', () => expectTypeOf<Waits<SessionCell['authenticate']>>().toEqualTypeOf<false>());
  it('is a synchronous function: stop (session cell)', () => expectTypeOf<Waits<SessionCell['stop']>>().toEqualTypeOf<false>());
  it('is a synchronous function: recall', () => expectTypeOf<Waits<SessionCell['recall']>>().toEqualTypeOf<false>());
  it('is a synchronous function: passwordChanged', () => expectTypeOf<Waits<SessionCell['passwordChanged']>>().toEqualTypeOf<false>());
  it('is a synchronous function: admit', () => expectTypeOf<Waits<UserCell['admit']>>().toEqualTypeOf<false>());
  it('is a synchronous function: reserve', () => expectTypeOf<Waits<UserCell['reserve']>>().toEqualTypeOf<false>());
  it('is a synchronous function: settle', () => expectTypeOf<Waits<UserCell['settle']>>().toEqualTypeOf<false>());
  it('is a synchronous function: resetFailures', () => expectTypeOf<Waits<UserCell['resetFailures']>>().toEqualTypeOf<false>());
  it('is a synchronous function: forget', () => expectTypeOf<Waits<UserCell['forget']>>().toEqualTypeOf<false>());
  it('is a synchronous function: beginPasswordChange', () => expectTypeOf<Waits<UserCell['beginPasswordChange']>>().toEqualTypeOf<false>());
  it('is a synchronous function: permitChallenge', () => expectTypeOf<Waits<UserCell['permitChallenge']>>().toEqualTypeOf<false>());
  it('is a synchronous function: issueCode', () => expectTypeOf<Waits<UserCell['issueCode']>>().toEqualTypeOf<false>());
  it('is a synchronous function: guessCode', () => expectTypeOf<Waits<UserCell['guessCode']>>().toEqualTypeOf<false>());
  it('is a synchronous function: endCode', () => expectTypeOf<Waits<UserCell['endCode']>>().toEqualTypeOf<false>());
  it('is a synchronous function: transit', () => expectTypeOf<Waits<UserCell['transit']>>().toEqualTypeOf<false>());

  it('is one of those above, or a loader that changes nothing by itself', () => {
    type Waiting<Verbs> = { [Verb in keyof Verbs]: Waits<Verbs[Verb]> extends true ? Verb : never }[keyof Verbs];
    expectTypeOf<Waiting<SessionCellVerbs>>().toEqualTypeOf<never>();
    expectTypeOf<Waiting<UserCellVerbs>>().toEqualTypeOf<'load' | 'finish'>();
  });
});
