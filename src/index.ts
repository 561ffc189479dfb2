import { app } from './http/app.ts';
import { scheduled } from './http/scheduled.ts';

export { SessionCell } from './cells/session-cell.ts';
export { UserCell } from './cells/user-cell.ts';

export default { fetch: app.fetch, scheduled };
