export const hosts = {
  title: 'Hosts',
  text: 'Hosts with an agent, and what each of them serves.',
  empty:
    'No host has reported yet. Start acmex agent on a host, with a key that has the permission agents:write.',
  noMatch: 'No host matches this filter.',
  cut: (count: number) =>
    `Only the first ${count} reports are shown. Search for a host to see all of its reports.`,
  search: 'Host',
  searchHint: 'The whole name: a-z, 0-9 and . _ -',
  any: 'any',
  onlyBehind: 'only what is behind',
  onlyCurrent: 'only what is current',
  count: (count: number, behind: number) =>
    `${count === 1 ? '1 certificate' : `${count} certificates`}${behind > 0 ? `, ${behind} behind` : ''}`,
  reported: 'reported',
  since: 'since',
  serves: (name: string) => `What ${name} serves`,
  nothing: 'nothing yet',
  columns: {
    certificate: 'Certificate',
    state: 'State',
    serial: 'Serial number',
    evidence: 'Evidence',
    failure: 'Failure',
  },
  evidence: {
    none: 'none yet',
    probe: 'the agent saw it on the port',
    files: 'the files are written, and the hook succeeded',
  },
  remove: {
    title: 'Remove a host',
    action: 'Remove',
    text: (count: number) =>
      `${count === 1 ? 'Its report is' : `Its ${count} reports are`} removed. Nothing changes on the host; if its agent still runs, it reports again.`,
    done: (name: string) => `${name} is removed.`,
  },
} as const;
