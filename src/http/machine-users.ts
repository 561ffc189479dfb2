import * as z from 'zod';
import type { Problem } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { unbuilt } from './decode.ts';
import { described } from './described.ts';
import { openFirstCodes } from './first-codes.ts';
import { HUMAN_ONEOFS, humanFields, profileOf } from './human-user.ts';
import { givenUserId, MACHINE_PROFILE, type Registration, registerUser } from './new-user.ts';
import { type Operation, operation } from './operation.ts';
import { emit, message, text, toTimestamp } from './protojson.ts';

const BEARER = ['ACCESS_TOKEN_TYPE_BEARER', 0] as const;

/** Tokens in the form of a JWT are not built; the other form is what a machine gets anyway. */
const accessTokenType = z
  .preprocess((type) => (BEARER.some((bearer) => bearer === type) ? undefined : type), unbuilt('machine.accessTokenType'))
  .register(described, { enum: [...BEARER] });

const createUserMessage = () =>
  message(
    {
      organizationId: text(1, 200),
      userId: givenUserId.optional(),
      username: text(0, 200).optional(),
      human: message(humanFields(), HUMAN_ONEOFS).optional(),
      machine: message({ name: text(1, 200), description: text(0, 500).optional(), accessTokenType }).optional(),
    },
    [['human', 'machine']],
  );

const kindMissing: Problem = { kind: 'invalid-argument', message: 'invalid request: human or machine is required' };
const machineNameEmpty: Problem = { kind: 'invalid-argument', id: 'COMMAND-bs9Ds', message: 'Name is empty' };

const createUser = operation({
  rpc: 'zitadel.user.v2.UserService/CreateUser',
  routes: ['POST /v2/users/new'],
  input: createUserMessage,
  success: 201,
  handle: async (input, call) => {
    const { organizationId, userId, username } = input;
    const kind = kindOf(input);
    if (!kind.ok) return kind;
    const registered = await registerUser(call, { organizationId, userId, ...kind.value, username: username ?? kind.value.username });
    if (!registered.ok) return registered;
    const { human } = input;
    const codes = human ? await openFirstCodes(call, registered.value, human, kind.value.profile) : ok({});
    if (!codes.ok) return codes;
    return ok(emit({ id: registered.value.id, creationDate: toTimestamp(call.now), ...codes.value }));
  },
});

/** The parts of a user in which people and machines differ. A machine without a username is called by its id. */
function kindOf({ human, machine }: z.infer<ReturnType<typeof createUserMessage>>) {
  if (human) {
    const profile = profileOf(human);
    if (!profile.ok) return profile;
    const { password, hashedPassword, totpSecret, idpLinks } = human;
    const secrets = { password, hashedPassword, hashRefusalId: 'USER-oz74onzvqr', totpSecret, idpLinks } as const;
    return ok<Kind>({ kind: 'human', username: profile.value.email, profile: profile.value, ...secrets });
  }
  if (machine === undefined) return fail(kindMissing);
  const displayName = machine.name.trim();
  if (displayName === '') return fail(machineNameEmpty);
  return ok<Kind>({ kind: 'machine', username: undefined, profile: { ...MACHINE_PROFILE, displayName }, description: machine.description ?? '' });
}

type Kind = Omit<Registration, 'organizationId' | 'userId'>;

/** zitadel.user.v2.UserService: CreateUser, for machines and for people. */
export const machineUserOperations: readonly Operation[] = [createUser];
