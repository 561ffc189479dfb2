import * as z from 'zod';

/**
 * What the answers are made of that `@zitadel/proto` does not describe, for the document (`openapi.ts`). As proto3 JSON has it, a member that is zero is
 * left out: all that can be zero is optional. Nothing is parsed by these at run time; the tests hold every answer against the document.
 */

/** An int64 or uint64. */
export const int64 = z.string().regex(/^-?\d+$/);

/** A google.protobuf.Timestamp. */
export const instant = z.iso.datetime();

/** zitadel.object.v2.Details, and ObjectDetails of v1. */
export const details = z.object({ sequence: int64, creationDate: instant.optional(), changeDate: instant, resourceOwner: z.string() });

/** zitadel.object.v2.ListDetails. */
export const listDetails = z.object({ totalResult: int64.optional(), timestamp: instant });

/** An answer that tells of nothing but the change. */
export const changed = z.object({ details });
