import { describe, expect, it } from '@jest/globals';
import { hostsOf, type Report } from '../page/screens/hosts/host.ts';

const report = (agent: string, more: Partial<Report> = {}): Report => ({
  agent,
  certificate: 'crt_1',
  names: ['www.example.com'],
  state: 'current',
  since: '2026-11-01T00:00:00Z',
  reportedAt: '2026-11-02T00:00:00Z',
  by: 'key_1',
  ...more,
});

describe('the hosts of a list of reports', () => {
  it('begin with those that are behind, and each with what is behind', () => {
    const hosts = hostsOf([
      report('b'),
      report('a'),
      report('z'),
      report('z', { certificate: 'crt_2', state: 'behind', by: 'key_2' }),
    ]);
    expect(hosts.map(({ name, behind }) => [name, behind])).toEqual([
      ['z', 1],
      ['a', 0],
      ['b', 0],
    ]);
    expect(hosts[0]?.reports.map(({ certificate }) => certificate)).toEqual(['crt_2', 'crt_1']);
    expect(hosts[0]?.keys).toEqual(['key_1', 'key_2']);
  });

  it('have reported when the last of their reports came, whatever its offset', () => {
    const times = ['2026-11-02T10:00:00Z', '2026-11-02T12:00:00+03:00'];
    const [host] = hostsOf(times.map((reportedAt) => report('a', { reportedAt })));
    expect(host?.reportedAt).toBe('2026-11-02T10:00:00Z');
  });

  it('are none where there is no report', () => {
    expect(hostsOf([])).toEqual([]);
  });
});
