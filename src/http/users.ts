import type { Problem } from '../core/problem.ts';
import { ok } from '../core/result.ts';
import { unbuilt } from './decode.ts';
import { openFirstCodes } from './first-codes.ts';
import { HUMAN_ONEOFS, humanFields, profileOf } from './human-user.ts';
import { givenUserId, registerUser } from './new-user.ts';
import { type Operation, operation } from './operation.ts';
import { emit, message, text, toTimestamp } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { presentDetails, presentUser, userIdMessage } from './user-messages.ts';

const organization = () =>
  message(
    {
      orgId: text(0, 200)
        .transform((id) => id || undefined)
        .optional(),
      orgDomain: unbuilt('organization.orgDomain'),
    },
    [['orgId', 'orgDomain']],
  );

/** `organisation` is the older spelling. */
const addHumanUserMessage = () =>
  message(
    {
      userId: givenUserId.optional(),
      username: text(0, 200).optional(),
      organization: organization().optional(),
      organisation: organization().optional(),
      ...humanFields(),
    },
    [['organization', 'organisation'], ...HUMAN_ONEOFS],
  );

const addHuman = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/AddHumanUser`,
    routes: [`POST /${version}/users/human`],
    input: addHumanUserMessage,
    success: 201,
    handle: async (input, call) => {
      const profile = profileOf(input);
      if (!profile.ok) return profile;
      const registered = await registerUser(call, {
        kind: 'human',
        userId: input.userId,
        organizationId: (input.organization ?? input.organisation)?.orgId,
        username: input.username ?? profile.value.email,
        profile: profile.value,
        password: input.password,
        hashedPassword: input.hashedPassword,
        totpSecret: input.totpSecret,
        idpLinks: input.idpLinks,
      });
      if (!registered.ok) return registered;
      const { id: userId, organizationId } = registered.value;
      const codes = await openFirstCodes(call, registered.value, input, profile.value);
      if (!codes.ok) return codes;
      return ok(emit({ userId, details: presentDetails({ sequence: 1, changeDate: call.now, organizationId }), ...codes.value }));
    },
  });

const userNotFound: Problem = { kind: 'not-found', id: 'QUERY-Dfbg2', message: 'User could not be found' };

const get = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/GetUserByID`,
    routes: [`GET /${version}/users/{userId}`],
    input: () => userIdMessage,
    handle: async ({ userId }, call) => {
      const user = await reachUser(call, userId, { permission: 'user.read', orSelf: true }, userNotFound);
      if (!user.ok) return user;
      const details = { ...presentDetails(user.value), creationDate: toTimestamp(user.value.creationDate) };
      return ok({ details, user: presentUser(user.value) });
    },
  });

/** zitadel.user.v2 and v2beta UserService: AddHumanUser, GetUserByID. */
export const userOperations: readonly Operation[] = (['v2', 'v2beta'] as const).flatMap((version) => [addHuman(version), get(version)]);
