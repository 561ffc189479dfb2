/** Cloudflare's location hints: where a new cell is born. */
export const REGIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const;
export type Region = (typeof REGIONS)[number];

/** Where a request came in, as far as Cloudflare tells. */
export interface Place {
  readonly continent?: string;
  readonly longitude?: string;
}

const EAST_OF_THE_ROCKIES = -100;
const EAST_OF_BERLIN = 15;

/** The region nearest to a request. The Middle East is part of Asia to Cloudflare; its western edge is served from there. */
export function regionOf({ continent, longitude }: Place): Region {
  const east = Number(longitude ?? 0);
  switch (continent) {
    case 'NA':
      return east < EAST_OF_THE_ROCKIES ? 'wnam' : 'enam';
    case 'SA':
      return 'sam';
    case 'AS':
      return east > 0 && east < 60 ? 'me' : 'apac';
    case 'OC':
      return 'oc';
    case 'AF':
      return 'afr';
    default:
      return east > EAST_OF_BERLIN ? 'eeur' : 'weur';
  }
}

/** The cell of a new session: one of a region's, by a random number of 32 bits. The session's id names it from then on. */
export const newSessionCell = (region: Region, cells: number, random = random32()): string => `sessions:${region}:${random % cells}`;

/** The cell of a new user; the user's row names it from then on. */
export const newUserCell = (region: Region, cells: number): string => `users:${region}:${random32() % cells}`;

function random32(): number {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return random;
}
