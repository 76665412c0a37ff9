import { printable } from '@acmex/errors';
import { errorNamespace, type Problem } from './errors.ts';
import { isObject, type JsonObject } from './members.ts';

/**
 * Reads a problem document leniently: whatever is of the wrong type is left out, since it is bad
 * news in any form.
 */
export function readProblem(json: unknown): Problem {
  const object: JsonObject = isObject(json) ? json : {};
  const identifier = isObject(object.identifier) ? object.identifier : {};
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const list = (value: unknown): readonly unknown[] | undefined =>
    Array.isArray(value) ? value : undefined;
  return {
    type: text(object.type) ?? 'about:blank',
    title: text(object.title),
    detail: text(object.detail),
    status: typeof object.status === 'number' ? object.status : undefined,
    instance: text(object.instance),
    identifier:
      typeof identifier.type === 'string' && typeof identifier.value === 'string'
        ? { type: identifier.type, value: identifier.value }
        : undefined,
    algorithms: list(object.algorithms)?.filter((algorithm) => typeof algorithm === 'string'),
    subproblems: list(object.subproblems)
      ?.filter(isObject)
      .map((subproblem) => readProblem({ ...subproblem, subproblems: undefined })),
  };
}

/**
 * A problem in one line, safe to show: its type's last word, its detail, then each subproblem with
 * its name.
 */
export function describeProblem(problem: Problem): string {
  const { type, title, detail, identifier, subproblems = [] } = problem;
  const word = type.startsWith(errorNamespace) ? type.slice(errorNamespace.length) : type;
  const name = identifier ? `${printable(identifier.value, 253)}: ` : '';
  // about:blank says no more than the HTTP status. RFC 9457 §4.2.1
  const kind = type === 'about:blank' ? '' : `${printable(word, 100)}: `;
  const nested = subproblems.map((subproblem) => `; ${describeProblem(subproblem)}`).join('');
  return `${name}${kind}${printable(detail ?? title ?? 'the CA says no more')}${nested}`;
}
