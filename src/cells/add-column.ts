/** Gives a cell's own table a column that an earlier version of it did not have. `definition` begins with the column's name. */
export function addColumn(sql: SqlStorage, table: string, definition: string): void {
  const [column] = definition.split(' ');
  const [known] = sql.exec('SELECT 1 FROM pragma_table_info(?) WHERE name = ?', table, column);
  if (known === undefined) sql.exec(`ALTER TABLE ${table} ADD COLUMN ${definition}`);
}
