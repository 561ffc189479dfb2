import * as z from 'zod';

/**
 * What answers are made of, for the document that describes them (`openapi.ts`). As proto3 JSON has it, a member that is zero is left out: all that can
 * be zero is optional. Answers are not parsed by these at run time; the tests hold every answer against the document.
 */

/** An int64 or uint64. */
export const int64 = z
  .string()
  .regex(/^-?\d+$/)
  .meta({ id: 'Int64', description: 'A 64-bit integer' });

/** A google.protobuf.Timestamp. */
export const instant = z.iso.datetime().meta({ id: 'Timestamp', description: 'RFC 3339, in UTC' });

/** zitadel.object.v2.Details. */
export const details = z
  .strictObject({
    sequence: int64.optional(),
    creationDate: instant.optional(),
    changeDate: instant.optional(),
    resourceOwner: z.string().optional(),
  })
  .meta({ id: 'Details' });

/** zitadel.object.v2.ListDetails. */
export const listDetails = z
  .strictObject({ totalResult: int64.optional(), processedSequence: int64.optional(), timestamp: instant.optional() })
  .meta({ id: 'ListDetails' });

/** An answer that tells of nothing but the change. */
export const changed = z.strictObject({ details });
