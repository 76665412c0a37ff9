// What each round gave, as a table of the report.
import { spread } from './figures.mjs';

/** @returns a table of all rounds with a column for each of `{ name, unit, figures }` */
export function tableOf(columns) {
  return [
    ['round', ...columns.map(({ name, unit }) => `${name}, ${unit}`)],
    ...columns[0].figures.map((_, round) => [
      round + 1,
      ...columns.map(({ figures }) => spread([figures[round]])),
    ]),
  ];
}
