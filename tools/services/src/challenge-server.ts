import { randomUUID } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { freePort } from './free-port.ts';
import { startProgram } from './program.ts';

export interface ChallengeServerOptions {
  /** Where it answers http-01; absent: it does not. */
  readonly httpPort?: number | undefined;
}

/**
 * pebble-challtestsrv: the DNS that Pebble asks, and a web server for http-01 if wanted. Names may
 * be written with or without the final dot.
 */
export interface ChallengeServer extends AsyncDisposable {
  /**
   * Where its DNS answers: '127.0.0.1:PORT', UDP and TCP. Every name has the address 127.0.0.1 by
   * default.
   */
  readonly dnsAddress: string;
  readonly managementUrl: string;
  log(): string;
  addHttp01(token: string, keyAuthorization: string): Promise<void>;
  removeHttp01(token: string): Promise<void>;
  /** Adds a TXT value beside those that the name has. */
  setTxt(host: string, value: string): Promise<void>;
  /** Removes all TXT values of the name. */
  clearTxt(host: string): Promise<void>;
  setCname(host: string, target: string): Promise<void>;
  clearCname(host: string): Promise<void>;
  addA(host: string, addresses: readonly string[]): Promise<void>;
  clearA(host: string): Promise<void>;
  addAaaa(host: string, addresses: readonly string[]): Promise<void>;
  clearAaaa(host: string): Promise<void>;
  /** Lets every question about the name fail. */
  setServfail(host: string): Promise<void>;
  clearServfail(host: string): Promise<void>;
  /** The address of every name that has none of its own; '' for none. */
  setDefaultIPv4(address: string): Promise<void>;
  setDefaultIPv6(address: string): Promise<void>;
}

export async function startChallengeServer({
  httpPort,
}: ChallengeServerOptions = {}): Promise<ChallengeServer> {
  const dnsAddress = `127.0.0.1:${await freePort()}`;
  const management = `127.0.0.1:${await freePort()}`;
  const post = postTo(management);
  const program = await startProgram({
    command: 'pebble-challtestsrv',
    args: programArguments({ httpPort, dnsAddress, management }),
    ready: (output) => {
      if (output.includes('address already in use')) throw new Error('found a port taken'); // the program itself would continue without that port
      return output.includes('Starting management server');
    },
    answers: async () => {
      await ownDnsAnswers(dnsAddress, post);
      if (httpPort) await ownHttpAnswers(httpPort, post);
    },
  });
  return {
    dnsAddress,
    managementUrl: `http://${management}`,
    log: program.log,
    ...recordsAt(post),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

type Post = (path: string, body: object) => Promise<void>;

function postTo(management: string): Post {
  return async (path, body) => {
    const answer = await fetch(`http://${management}/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (!answer.ok)
      throw new Error(
        `pebble-challtestsrv: ${path}: ${answer.status} ${(await answer.text()).trim()}`,
      );
  };
}

interface Places {
  readonly httpPort: number | undefined;
  readonly dnsAddress: string;
  readonly management: string;
}

function programArguments({ httpPort, dnsAddress, management }: Places): string[] {
  const values = {
    '-http01': httpPort ? `127.0.0.1:${httpPort}` : '',
    '-https01': '',
    '-tlsalpn01': '',
    '-dns01': dnsAddress,
    '-management': management,
    '-defaultIPv4': '127.0.0.1',
    '-defaultIPv6': '',
  };
  return Object.entries(values).flat();
}

function recordsAt(post: Post) {
  return {
    addHttp01: (token, content) => post('add-http01', { token, content }),
    removeHttp01: (token) => post('del-http01', { token }),
    setTxt: (host, value) => post('set-txt', { host: absolute(host), value }),
    clearTxt: (host) => post('clear-txt', { host: absolute(host) }),
    setCname: (host, target) =>
      post('set-cname', { host: absolute(host), target: absolute(target) }),
    clearCname: (host) => post('clear-cname', { host: absolute(host) }),
    addA: (host, addresses) => post('add-a', { host: absolute(host), addresses }),
    clearA: (host) => post('clear-a', { host: absolute(host) }),
    addAaaa: (host, addresses) => post('add-aaaa', { host: absolute(host), addresses }),
    clearAaaa: (host) => post('clear-aaaa', { host: absolute(host) }),
    setServfail: (host) => post('set-servfail', { host: absolute(host) }),
    clearServfail: (host) => post('clear-servfail', { host: absolute(host) }),
    setDefaultIPv4: (ip) => post('set-default-ipv4', { ip }),
    setDefaultIPv6: (ip) => post('set-default-ipv6', { ip }),
  } satisfies Partial<ChallengeServer>;
}

const absolute = (name: string) => (name.endsWith('.') ? name : `${name}.`);

/**
 * A name made up here is known to the DNS: so it is the one of the program just started, and not of
 * another that had the port before.
 */
async function ownDnsAnswers(dnsAddress: string, post: Post): Promise<void> {
  const host = `${randomUUID()}.test.`;
  await post('add-a', { host, addresses: ['192.0.2.1'] });
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([dnsAddress]);
  const [address] = await resolver.resolve4(host);
  await post('clear-a', { host });
  if (address !== '192.0.2.1') throw new Error(`${dnsAddress} is not the DNS of this server`);
}

/** Likewise for the web server. */
async function ownHttpAnswers(httpPort: number, post: Post): Promise<void> {
  const token = randomUUID();
  await post('add-http01', { token, content: token });
  const answer = await fetch(`http://127.0.0.1:${httpPort}/.well-known/acme-challenge/${token}`);
  await post('del-http01', { token });
  if ((await answer.text()) !== token)
    throw new Error(`port ${httpPort} is not the one of this server`);
}
