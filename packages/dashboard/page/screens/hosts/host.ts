import type { components } from '@acmex/api';

export type Report = components['schemas']['AgentReport'];

/** What the agent of a host reports. */
export interface Host {
  readonly name: string;
  /** What is behind comes first. */
  readonly reports: readonly Report[];
  /** How many of the certificates are not served as they are stored. */
  readonly behind: number;
  /** When the agent last reported. RFC 3339 */
  readonly reportedAt: string;
  /** The ids of the keys that reported. */
  readonly keys: readonly string[];
}

/** Returns reports by host: hosts that are behind first, then by name. */
export function hostsOf(reports: readonly Report[]): readonly Host[] {
  const byName = new Map<string, Report[]>();
  for (const report of reports) {
    const reported = byName.get(report.agent);
    if (reported) reported.push(report);
    else byName.set(report.agent, [report]);
  }
  return [...byName]
    .map(([name, reported]) => hostOf(name, reported))
    .sort((a, b) => Math.sign(b.behind) - Math.sign(a.behind) || (a.name < b.name ? -1 : 1));
}

function hostOf(name: string, reports: readonly Report[]): Host {
  const isBehind = ({ state }: Report) => state === 'behind';
  const times = reports.map(({ reportedAt }) => reportedAt);
  return {
    name,
    reports: [...reports.filter(isBehind), ...reports.filter((report) => !isBehind(report))],
    behind: reports.filter(isBehind).length,
    reportedAt: times.sort((a, b) => Date.parse(b) - Date.parse(a))[0] ?? '',
    keys: [...new Set(reports.map(({ by }) => by))],
  };
}
