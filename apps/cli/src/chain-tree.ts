import { printable } from '@acmex/errors';

/** Draws a chain, the leaf first: each issuer below and to the right of what it issued. */
export function chainTree(subjects: readonly string[]): string {
  return subjects.map(branch).join('\n');
}

function branch(subject: string, depth: number): string {
  const name = printable(subject || '(no subject)', 300);
  return depth === 0 ? name : `${'   '.repeat(depth - 1)}└─ ${name}`;
}
