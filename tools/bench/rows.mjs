// A figure beside its peer and its limit, as rows of the report.
import { median, spread } from './prepare.mjs';

/**
 * @param figure `ours`, and those of `peer` and `limit` (`{ name, figures }`): a number for each
 * round; `goals`: `atMost` or `atLeast` a number, of ours or of the quotient in the same round with
 * the one that `of` names
 * @returns a row for each goal
 */
export function rowsOf({ figure, unit, digits = 1, ours, peer, limit, goals, left }) {
  return goals.map(({ of, atMost, atLeast }) => {
    const standard = { peer, limit }[of];
    const figures = standard ? ours.map((number, round) => number / standard.figures[round]) : ours;
    const value = median(figures);
    const met = atMost === undefined ? value >= atLeast : value <= atMost;
    const goal = `${atMost === undefined ? `least ${atLeast}` : atMost}`;
    const text = spread(figures, standard ? 2 : digits);
    return {
      promise: figure,
      limit: standard ? `${goal} of ${standard.name}` : `${goal} ${unit}`,
      figure: standard ? text : `${text} ${unit}`,
      met,
      ...(met || left === undefined ? {} : { left }),
    };
  });
}

/** @returns a table of all rounds with a column for each of `{ name, unit, figures }` */
export function tableOf(columns) {
  return [
    ['round', ...columns.map(({ name, unit }) => `${name}, ${unit}`)],
    ...columns[0].figures.map((_, round) => [
      round + 1,
      ...columns.map(({ figures, digits = 1 }) => figures[round].toFixed(digits)),
    ]),
  ];
}
