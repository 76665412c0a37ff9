import { printable } from '@acmex/errors';
import { CertificateStore } from '@acmex/orchestrator';
import { AgentReports } from '@acmex/server/agents';
import { type ConfiguredOutputOptions, type Row, table } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { withTenant } from './keys.ts';

/** `acmex server agents`: shows the last report of each agent. */
export async function agents(
  options: ConfiguredOutputOptions & { readonly tenant?: string },
  terminal: Terminal,
): Promise<void> {
  await withTenant(options, terminal, async ({ storage }) => {
    const certificates = new CertificateStore({ storage });
    const rows: Row[] = [];
    for await (const {
      agent,
      certificate,
      serialNumber,
      evidence,
      since,
      failure,
      reportedAt,
    } of new AgentReports({ storage }).list()) {
      const managed = await certificates.find(certificate);
      if (!managed) continue;
      const isCurrent = managed.current?.serialNumber === serialNumber;
      rows.push({
        agent,
        state: managed.current && isCurrent ? 'current' : 'behind',
        serves: serialNumber,
        since,
        by: evidence,
        failure,
        heard: reportedAt,
        certificate,
        names: managed.names.map((name) => printable(name, 255)).join(' '),
      });
    }
    return { text: table(rows), document: rows, rows };
  });
}
