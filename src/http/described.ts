import * as z from 'zod';

/** What JSON a schema takes, where zod cannot tell by itself. */
export interface Description {
  /** A message: its fields, of which only one of each oneof may be given. */
  readonly message?: { readonly fields: object; readonly oneofs: readonly (readonly string[])[] };
  readonly map?: { readonly key: object; readonly value: object };
  /** A list whose items are looked at later. */
  readonly list?: object;
  /** A field that is refused, and that nobody need know of. */
  readonly unbuilt?: true;
  /** Members of the JSON Schema (2020-12). */
  readonly [keyword: string]: unknown;
}

/** Of the schemas that messages are made of; read by the document (`openapi.ts`) alone. */
export const described = z.registry<Description>();
