import { app } from './http/app.ts';

export { SessionCell } from './cells/session-cell.ts';
export { UserCell } from './cells/user-cell.ts';

export default app;
