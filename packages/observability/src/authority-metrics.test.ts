import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { agentMetrics, authorityMetrics, Metrics } from './index.ts';

const clock = virtualClock({ now: '2026-11-02T00:00:00Z' });

describe('the metrics of a CA', () => {
  it('count issuances and refusals, and say how old each revocation list is', async () => {
    const metrics = new Metrics({ includesProcess: false });
    const watch = authorityMetrics(metrics, {
      clock,
      crls: async () =>
        new Map([
          ['2', { thisUpdate: '2026-11-01T00:00:00Z', nextUpdate: '2026-11-08T00:00:00Z' }],
        ]),
    });
    watch.onIssued({ profile: 'serverAuth' });
    watch.onIssued({});
    watch.onAnswer({ status: 200 });
    watch.onAnswer({ status: 429, problem: 'rateLimited' });
    const text = await metrics.text();
    expect(text).toContain('acmex_authority_issuances_total{profile="serverAuth"} 1');
    expect(text).toContain('acmex_authority_issuances_total{profile="default"} 1');
    expect(text).toContain('acmex_authority_answers_total{status="429"} 1');
    expect(text).toContain('acmex_authority_refusals_total{problem="rateLimited"} 1');
    expect(text).toContain('acmex_authority_crl_age_seconds{issuer="2"} 86400');
    expect(text).toContain(
      'acmex_authority_crl_next_update_timestamp_seconds{issuer="2"} 1794096000',
    );
  });
});

describe('the metrics of an agent', () => {
  it('say what became of each update, and of the certificates of the last one', async () => {
    const metrics = new Metrics({ includesProcess: false });
    const watch = agentMetrics(metrics, { clock });
    watch.onUpdate({ missing: ['a'], deployments: [{}, { error: new Error('x') }, {}] });
    watch.onUpdateFailure(Object.assign(new Error('x'), { code: 'ERR_AGENT_SERVER_UNREACHABLE' }));
    const text = await metrics.text();
    expect(text).toContain('acmex_agent_certificates{state="deployed"} 2');
    expect(text).toContain('acmex_agent_certificates{state="failed"} 1');
    expect(text).toContain('acmex_agent_certificates{state="missing"} 1');
    expect(text).toContain('acmex_agent_updates_total{outcome="ERR_AGENT_SERVER_UNREACHABLE"} 1');
    expect(text).toContain('acmex_agent_last_update_timestamp_seconds 1793577600');
  });
});
