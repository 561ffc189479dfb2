/** COSE algorithms that are asked for and taken (RFC 9053, RFC 8812), as Zitadel lists them: ES256 to ES512, RS256 to RS512, PS256 to PS512, EdDSA. */
export const COSE_ALGORITHMS: readonly number[] = [-7, -35, -36, -257, -258, -259, -37, -38, -39, -8];
