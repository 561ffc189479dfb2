import { DurableObject } from 'cloudflare:workers';
import { Hono } from 'hono';

/** The smallest Worker of Hono's that makes one durable SQLite write in one Durable Object a request: what any durable update costs at least. */
const app = new Hono<{ Bindings: { CELL: DurableObjectNamespace<Cell> } }>();

app.patch('/:id', async (context) => {
  const { value } = await context.req.json<{ value: string }>();
  await context.env.CELL.getByName('the one').write(Number(context.req.param('id')), value);
  return context.json({ value });
});

export class Cell extends DurableObject {
  constructor(state: DurableObjectState, env: never) {
    super(state, env);
    state.storage.sql.exec('CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, value TEXT NOT NULL)');
  }

  write(id: number, value: string): void {
    this.ctx.storage.sql.exec('INSERT INTO entry (id, value) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value', id, value);
  }
}

export default app;
