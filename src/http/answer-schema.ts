import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';

/** A JSON Schema (2020-12), as OpenAPI 3.1 has them. */
export type Schema = { readonly [keyword: string]: unknown };

const INT64: Schema = { type: 'string', pattern: '^-?\\d+$', description: 'A 64-bit integer' };
const TIMESTAMP: Schema = { type: 'string', format: 'date-time' };

/** Messages of protobuf's own that have a JSON form of their own. */
const WELL_KNOWN: Readonly<Record<string, Schema>> = {
  'google.protobuf.Timestamp': TIMESTAMP,
  'google.protobuf.Duration': { type: 'string', pattern: '^-?\\d+(\\.\\d+)?s$', description: 'A duration in seconds' },
  'google.protobuf.Struct': { type: 'object' },
  'google.protobuf.Any': { type: 'object' },
};

const VERIFIED: Schema = { type: 'object', properties: { verifiedAt: TIMESTAMP } };
const SESSION_STATE: Schema = {
  type: 'string',
  enum: ['SESSION_STATE_EXPIRED', 'SESSION_STATE_STOPPED'],
  description: 'Left out while the session is active',
};

const CLIENT_AUTHENTICATION: Schema = { type: 'string', enum: ['basic', 'post'] };

/** What our answers hold beside the fields that `@zitadel/proto` 1.3.1 knows: ours, and newer ones of Zitadel. */
const OURS: Readonly<Record<string, Readonly<Record<string, Schema>>>> = Object.fromEntries(
  ['v2', 'v2beta'].flatMap((version) => [
    [`zitadel.session.${version}.Session`, { state: SESSION_STATE }],
    [`zitadel.session.${version}.Factors`, { recoveryCode: VERIFIED }],
    [`zitadel.session.${version}.ListSessionsResponse`, { nextPageToken: { type: 'string', description: 'Where the next page begins' } }],
    ...['GenericOIDCConfig', 'OAuthConfig', 'GitHubConfig', 'GoogleConfig', 'AzureADConfig'].map((name) => [
      `zitadel.idp.${version}.${name}`,
      { clientAuthentication: CLIENT_AUTHENTICATION, usePkce: { type: 'boolean' } },
    ]),
  ]),
);

/** Likewise, of enumerations. */
const OUR_VALUES: Readonly<Record<string, readonly string[]>> = {
  'zitadel.user.v2.AuthenticationMethodType': ['AUTHENTICATION_METHOD_TYPE_RECOVERY_CODE'],
};

/**
 * A message of `@zitadel/proto` in proto3 JSON, as a reference to a schema that is put among `components`. No member is required: zero values are left
 * out.
 */
export function messageSchema(message: DescMessage, components: Record<string, Schema>): Schema {
  const wellKnown = WELL_KNOWN[message.typeName];
  if (wellKnown) return wellKnown;
  if (!Object.hasOwn(components, message.typeName)) {
    // Before its fields, among which it may be itself.
    components[message.typeName] = {};
    const fields = Object.fromEntries(message.fields.map((field) => [field.jsonName, fieldSchema(field, components)]));
    components[message.typeName] = { type: 'object', properties: { ...fields, ...OURS[message.typeName] } };
  }
  return { $ref: `#/components/schemas/${message.typeName}` };
}

function fieldSchema(field: DescField, components: Record<string, Schema>): Schema {
  const of = (kind: { scalar?: ScalarType | undefined; enum?: DescEnum | undefined; message?: DescMessage | undefined }): Schema => {
    if (kind.message) return messageSchema(kind.message, components);
    return kind.enum ? enumSchema(kind.enum) : scalarSchema(kind.scalar);
  };
  if (field.fieldKind === 'list') return { type: 'array', items: of(field) };
  return field.fieldKind === 'map' ? { type: 'object', additionalProperties: of(field) } : of(field);
}

const enumSchema = ({ typeName, values }: DescEnum): Schema => ({
  type: 'string',
  enum: [...values.map(({ name }) => name), ...(OUR_VALUES[typeName] ?? [])],
});

function scalarSchema(scalar: ScalarType | undefined): Schema {
  switch (scalar) {
    case ScalarType.STRING:
      return { type: 'string' };
    case ScalarType.BOOL:
      return { type: 'boolean' };
    case ScalarType.BYTES:
      return { type: 'string', contentEncoding: 'base64' };
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return INT64;
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return { type: 'number' };
    default:
      return { type: 'integer' };
  }
}
