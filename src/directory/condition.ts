/** A condition of a search: SQL of our own words, and the values of its parameters in their order. */
export interface Condition {
  readonly test: string;
  readonly values: readonly (string | number)[];
}

/** Every one of them; of none, everything. */
export const all = (conditions: readonly Condition[]): Condition => joined(conditions, ' AND ', 'TRUE');

/** One of them or more; of none, nothing. */
export const any = (conditions: readonly Condition[]): Condition => joined(conditions, ' OR ', 'FALSE');

export const not = ({ test, values }: Condition): Condition => ({ test: `NOT (${test})`, values });

/** One parameter, however many the choices: D1 takes a hundred parameters. */
export const oneOf = (column: string, choices: readonly string[]): Condition => ({
  test: `${column} IN (SELECT value FROM json_each(?))`,
  values: [JSON.stringify(choices)],
});

const joined = (conditions: readonly Condition[], operator: string, none: string): Condition => ({
  test: conditions.length === 0 ? none : `(${conditions.map(({ test }) => test).join(operator)})`,
  values: conditions.flatMap(({ values }) => values),
});
