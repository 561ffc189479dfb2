import * as z from 'zod';
import { covers, isNowhere } from '../core/permission.ts';
import { invalid, noPermission, type Problem, unavailable } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { newDecimalId } from '../crypto/tokens.ts';
import {
  insertOrganization,
  type Organization,
  type OrganizationFilter,
  type OrganizationOrder,
  searchOrganizations,
} from '../directory/organizations.ts';
import { TEXT_METHODS } from '../directory/text-method.ts';
import { scopeOfCaller } from './caller.ts';
import { unbuilt } from './decode.ts';
import { FILTERS_MOST, listQuery, pageOf, presentListDetails } from './list-query.ts';
import { type Operation, operation } from './operation.ts';
import { emit, enumeration, type JsonObject, message, text, toTimestamp } from './protojson.ts';
import type { Version } from './session-messages.ts';

const nameBlank = invalid('invalid name: value must not be blank');
const nameTaken: Problem = { kind: 'already-exists', id: 'V3-DKcYh', message: 'Organisation already exists' };

const TRIES = 3;

const add = (version: Version): Operation =>
  operation({
    rpc: `zitadel.org.${version}.OrganizationService/AddOrganization`,
    routes: [`POST /${version}/organizations`],
    input: () => message({ name: text(1, 200), admins: unbuilt('admins'), orgId: unbuilt('orgId'), organizationId: unbuilt('organizationId') }),
    success: 201,
    handle: async (input, { caller, db, now }) => {
      const name = input.name.trim();
      if (name === '') return fail(nameBlank);
      if (!covers(scopeOfCaller(caller, 'org.create'))) return fail(noPermission);
      for (let tries = 0; tries < TRIES; tries += 1) {
        const id = newDecimalId(now);
        const outcome = await insertOrganization(db, id, name, now);
        if (outcome === 'created') return ok({ details: presentDetails({ id, changeDate: now }), organizationId: id });
        if (outcome === 'name-taken') return fail(nameTaken);
      }
      return fail(unavailable('No free id was found'));
    },
  });

const QUERIES = ['idQuery', 'nameQuery', 'domainQuery', 'stateQuery', 'defaultQuery'] as const;
const query = () =>
  message(
    {
      idQuery: message({ id: text(1, 200) }).optional(),
      nameQuery: message({ name: text(1, 200), method: enumeration(TEXT_METHODS).optional() }).optional(),
      domainQuery: unbuilt('queries.domainQuery'),
      stateQuery: unbuilt('queries.stateQuery'),
      defaultQuery: unbuilt('queries.defaultQuery'),
    },
    [QUERIES],
  ).refine((given) => Object.keys(given).length > 0, 'one query is required');

const SORTING = ['ORGANIZATION_FIELD_NAME_UNSPECIFIED', 'ORGANIZATION_FIELD_NAME_NAME'] as const;

/** Shows the organisations that the caller may read; oldest first unless they are to be sorted by name. */
const search = (version: Version): Operation =>
  operation({
    rpc: `zitadel.org.${version}.OrganizationService/ListOrganizations`,
    routes: [`POST /${version}/organizations/_search`],
    input: () =>
      message({
        query: listQuery.optional(),
        queries: z.array(query()).max(FILTERS_MOST).optional(),
        sortingColumn: enumeration(SORTING).optional(),
      }),
    handle: async (input, { caller, db, now }) => {
      const scope = scopeOfCaller(caller, 'org.read');
      if (isNowhere(scope)) return fail(noPermission);
      const filters = (input.queries ?? []).flatMap(({ idQuery, nameQuery }): OrganizationFilter[] => [
        ...(idQuery ? [idQuery] : []),
        ...(nameQuery ? [{ name: nameQuery.name, method: nameQuery.method ?? 'TEXT_QUERY_METHOD_EQUALS' }] : []),
      ]);
      const sortingColumn = input.sortingColumn === 'ORGANIZATION_FIELD_NAME_NAME' ? input.sortingColumn : undefined;
      const byName: OrganizationOrder = input.query?.asc ? 'name, id' : 'name DESC, id DESC';
      const { total, rows } = await searchOrganizations(db, scope, filters, sortingColumn ? byName : 'creation_date, id', pageOf(input.query));
      return ok(emit({ details: presentListDetails(total, now), sortingColumn, result: rows.map(present) }));
    },
  });

/** Organisations do not change yet, so each is at its first sequence. */
const presentDetails = ({ id, changeDate }: Pick<Organization, 'id' | 'changeDate'>): JsonObject => ({
  sequence: '1',
  changeDate: toTimestamp(changeDate),
  resourceOwner: id,
});

const present = (organization: Organization): JsonObject => ({
  id: organization.id,
  details: { ...presentDetails(organization), creationDate: toTimestamp(organization.creationDate) },
  state: `ORGANIZATION_STATE_${organization.state.toUpperCase()}`,
  name: organization.name,
});

/** zitadel.org.v2 and v2beta OrganizationService: AddOrganization, ListOrganizations. */
export const organizationOperations: readonly Operation[] = (['v2', 'v2beta'] as const).flatMap((version) => [add(version), search(version)]);
