import { rpIdOf } from '../core/web-authn/rp-id.ts';
import { refuse, text } from './protojson.ts';

/** A domain as the RP ID that it stands for. */
export const domain = text(1, 200).transform((value, context) => rpIdOf(value) ?? refuse(context, 'must be a domain, without scheme, port or path'));
