import { covers, isNowhere, type Permission } from '../core/permission.ts';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { oldestOrganization, organizationExists } from '../directory/organizations.ts';
import { scopeOfCaller } from './caller.ts';
import type { Call } from './operation.ts';

const headerUnknown: Problem = { kind: 'permission-denied', id: 'AUTH-Bs7Ds', message: "Organisation doesn't exist" };
const unknown: Problem = { kind: 'failed-precondition', id: 'COMMAND-55M9f', message: 'Organisation could not be found' };
const noneAtAll: Problem = {
  kind: 'failed-precondition',
  id: 'SALLY-NoOrg',
  message: 'No organisation was named and none exists yet: create one first',
};

/**
 * The organisation that a request is about, if the caller holds `permission` there: the one named in its body, or else by
 * `x-zitadel-orgid`, or else the caller's own, the default one, the oldest. Nothing is looked up for a caller who may not act there.
 */
export async function targetOrganization(call: Call, permission: Permission, named?: string): Promise<Result<string>> {
  const scope = scopeOfCaller(call.caller, permission);
  if (isNowhere(scope)) return fail(noPermission);
  const { caller, config, db } = call;
  const header = call.organizationHeader || undefined;
  const chosen = named ?? header ?? caller.organizationId ?? config.defaultOrganizationId;
  if (chosen !== undefined && !covers(scope, chosen)) return fail(noPermission);
  const organizationId = chosen ?? (await oldestOrganization(db));
  if (organizationId === undefined) return fail(noneAtAll);
  if (!covers(scope, organizationId)) return fail(noPermission);
  if (await organizationExists(db, organizationId)) return ok(organizationId);
  return fail(named === undefined && header !== undefined ? headerUnknown : unknown);
}
