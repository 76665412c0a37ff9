import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');

/**
 * Every source that opens connections by itself, and why. What is new either takes the fetch or the
 * agent of `network` in @acmex/protocol/node, or gets a line here, and one in
 * docs/behind-a-proxy.md if no proxy is for it.
 */
const reasons: Readonly<Record<string, string>> = {
  'apps/cli/src/dev/dev-proxy.ts': 'reaches this machine itself',
  'apps/server/src/access/oidc.ts': 'takes the fetch of the network from the server',
  'apps/server/src/access/oidc-sign-in.ts': 'takes the fetch of the network from the server',
  'apps/server/src/team/team-redis.ts': 'Redis is not HTTP',
  'packages/api/src/connection.ts': 'takes a fetch from its caller',
  'packages/ca/src/validation/tls-alpn-01.ts': 'speaks TLS on a connection of @acmex/egress',
  'packages/challenge/src/http-01/loopback.ts': 'reaches this machine itself',
  'packages/challenge/src/tls-alpn-01/server.ts': 'listens; the sockets are those of clients',
  'packages/deploy-docker/src/socket-fetch.ts': 'reaches the engine of this machine by its socket',
  'packages/deploy-server/src/runtime-api.ts': 'reaches this machine itself',
  'packages/deploy/src/target-api.ts': 'takes the fetch of the network from the configuration',
  'packages/dns-alibaba/src/credentials.ts':
    'takes the fetch of the network, which reaches the metadata service of this machine directly',
  'packages/dns-google/src/machine-project.ts': 'reaches the metadata service of this machine',
  'packages/dns-rfc2136/src/exchange.ts': 'DNS is not HTTP',
  'packages/dns-route53/src/route53-api.ts':
    'takes the agent of the network from the configuration',
  'packages/dns/src/dnssec.ts': 'DNS is not HTTP',
  'packages/dns/src/json-api.ts': 'takes the fetch of the network from the configuration',
  'packages/dns/src/sdk-fetch.ts': 'takes the fetch of the network from the configuration',
  'packages/egress/src/connect.ts': 'checks the address, and a proxy would choose another',
  'packages/egress/src/exchange.ts': 'uses a connection of connect.ts',
  'packages/manager/src/syslog.ts': 'syslog is not HTTP',
  'packages/probe/src/probe.ts': 'speaks TLS on a connection of @acmex/egress',
  'packages/protocol/src/node/fetch.ts': 'is the network',
  'packages/protocol/src/node/network.ts': 'is the network',
  'packages/protocol/src/node/tunnel-agent.ts': 'is the network',
  'packages/protocol/src/session.ts': 'takes the fetch of the network from its caller',
  'packages/storage-redis/src/attempt.ts': 'Redis is not HTTP',
};

const opensConnection = [
  /^import (?!type\b)[^;]*?\b(?:request|get|connect|createConnection|createSocket|Socket|Agent)\b[^;]*?from 'node:(?:http|https|http2|net|tls|dgram)';/ms,
  // The global one, also as a default; what is called fetch here is mostly a parameter.
  /\bglobalThis\.fetch(?!:)|\w = fetch(?:,| \})|\?\? fetch\b/,
  /^(?![\s\S]*(?:[{,(]\s*fetch\s*[,:})=]|(?:const|using) fetch\b))[\s\S]*(?<![.#\w])fetch\(/,
  /new (?:Redis|Route53Client)\(/,
];

it('every source that opens connections is known, so that none goes around the proxy', () => {
  const sources = execFileSync('git', ['ls-files', 'packages/*.ts', 'apps/*.ts'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => /\/src\/.*(?<!\.test|\.testing)\.ts$/.test(file));
  const opening = sources.filter((file) => {
    const text = readFileSync(join(root, file), 'utf8').replaceAll(
      /typeof (globalThis\.)?fetch/g,
      '',
    );
    return opensConnection.some((pattern) => pattern.test(text));
  });
  expect(opening).toEqual(Object.keys(reasons).sort());
});
