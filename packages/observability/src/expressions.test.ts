import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type MetricDescription, metricTable } from './index.ts';

const file = (name: string) => readFileSync(join(import.meta.dirname, '..', name), 'utf8');

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const dashboard = JSON.parse(file('grafana/acmex.json')) as Dashboard;
const expressions = [
  ...[
    ...file('prometheus/acmex.rules.yml').matchAll(
      /- alert: (\S+)\n\s+expr:([\s\S]*?)\n\s+(?:for|labels):/g,
    ),
  ].map(([, name = '', expression = '']) => [`alert ${name}`, expression] as const),
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => [`panel ${title}`, expr] as const),
  ),
];
const table: Readonly<Record<string, MetricDescription>> = metricTable;

/** Returns what an expression asks for that no program has. */
function unknownIn(expression: string): readonly string[] {
  return [...expression.matchAll(/acmex_([a-z_]+)(?:\{([^}]*)\})?/g)].flatMap(
    ([, name = '', selectors = '']) => {
      const base = name.replace(/_(bucket|sum|count)$/, '');
      const metric = table[name] ?? (table[base]?.type === 'histogram' ? table[base] : undefined);
      if (!metric) return [name];
      const labels = [...selectors.matchAll(/([a-z]+)\s*(?:=~|!=|!~|=)/g)].map(
        ([, label = '']) => label,
      );
      return labels
        .filter((label) => !['job', 'instance', 'le', ...metric.labels].includes(label))
        .map((label) => `${name}{${label}}`);
    },
  );
}

describe('the expressions of the alert rules and the dashboard', () => {
  it('are all found', () => {
    const alerts = file('prometheus/acmex.rules.yml').match(/- alert:/g)?.length ?? 0;
    expect(alerts).toBeGreaterThan(10);
    expect(expressions.filter(([title]) => title.startsWith('alert'))).toHaveLength(alerts);
    expect(dashboard.panels.length).toBeGreaterThan(10);
  });

  it.each(expressions)('of %s name only metrics and labels that exist', (_, expression) => {
    expect(expression).toContain('acmex_');
    expect(unknownIn(expression)).toEqual([]);
  });

  it('group only by labels that one of their metrics has', () => {
    for (const [title, expression] of expressions) {
      const names = [...expression.matchAll(/acmex_([a-z_]+)/g)].map(([, name = '']) =>
        name.replace(/_(bucket|sum|count)$/, ''),
      );
      const labels = names.flatMap((name) => table[name]?.labels ?? []);
      const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) =>
        list.split(/,\s*/),
      );
      const unknown = grouped.filter(
        (label) => !['job', 'instance', 'le', ...labels].includes(label),
      );
      expect([title, unknown]).toEqual([title, []]);
    }
  });

  it('refuse a metric or label that does not exist', () => {
    expect(unknownIn('rate(acmex_gone_total[5m])')).toEqual(['gone_total']);
    expect(unknownIn('acmex_certificates{color="red"}')).toEqual(['certificates{color}']);
  });

  it('are in panels with numbers of their own', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
