import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { createSelfSigned, type KeyType, privateKeyPem, webcrypto } from '@acmex/certificate';
import { errorCode } from '@acmex/errors';
import { filesOf } from './bundle.ts';
import { DeployError, type DeployErrorCode } from './errors.ts';
import type { CompleteBundle, DeployTarget, StagedCertificate, TargetMemory } from './target.ts';

/** A target under test, and a way to see what is in use at its place. */
export interface DeployTargetSubject {
  readonly target: DeployTarget;
  /** Returns what is in use, asked without the target; undefined where there is nothing. */
  inUse(): Promise<InUse | undefined>;
  /** The credentials of the target, in each form in which the place gets them. */
  readonly secrets: readonly string[];
  /** Of the second certificate, where the place takes only keys of one type: that of the first. */
  readonly keyType?: KeyType;
}

/** What is in use at a place. */
export interface InUse {
  /** PEM, the leaf first. */
  readonly chain: string;
  /** PEM; undefined where the place never shows it. */
  readonly privateKey?: string | undefined;
}

/**
 * What a stand-in of a place can do on request: refuse the credentials; refuse the certificate with
 * an answer that repeats the whole request; answer nothing but server errors; answer something that
 * is not the place's format; make every change but answer with a server error; never answer.
 */
export type TargetTrouble =
  'credentials' | 'refusal' | 'server-error' | 'not-json' | 'lost-answer' | 'silence';

/** A target in front of a stand-in. */
export interface StandInTargetSubject extends DeployTargetSubject {
  /** undefined ends it; with `after`, so many requests are answered before it begins. */
  trouble(kind: TargetTrouble | undefined, options?: { readonly after?: number }): void;
}

/** `live`: it holds at a real place too. */
export type DeployTargetClause =
  | {
      readonly title: string;
      readonly live: true;
      readonly check: (subject: DeployTargetSubject) => Promise<void>;
    }
  | {
      readonly title: string;
      readonly live: false;
      readonly check: (subject: StandInTargetSubject) => Promise<void>;
    };

const bundles = new Map<string, Promise<CompleteBundle>>();

/**
 * Returns a certificate for `a.test` with a key of this type, and one of a CA behind it; each is
 * made once.
 * @param number distinguishes certificates of one type
 */
export function testBundle(type: KeyType, number = 1): Promise<CompleteBundle> {
  const name = `${type} ${number}`;
  const made = bundles.get(name) ?? newBundle(type);
  bundles.set(name, made);
  return made;
}

async function newBundle(type: KeyType): Promise<CompleteBundle> {
  const [key, authority] = await Promise.all([
    webcrypto().generate(type),
    webcrypto().generate('ec-p256'),
  ]);
  const leaf = await createSelfSigned({ identifiers: [{ type: 'dns', value: 'a.test' }], key });
  const issuer = await createSelfSigned({
    identifiers: [{ type: 'dns', value: 'ca.test' }],
    key: authority,
  });
  const { serialNumber, validTo } = new X509Certificate(leaf);
  return {
    id: 'crt_01kax2b0000000000000000001',
    names: ['a.test'],
    serialNumber: serialNumber.toLowerCase(),
    notAfter: new Date(validTo).toISOString(),
    chain: leaf + issuer,
    privateKey: new TextDecoder().decode(await privateKeyPem(key)),
  };
}

const first = () => testBundle('ec-p256');
const second = ({ keyType = 'rsa-2048' }: DeployTargetSubject) => testBundle(keyType, 2);

function memory(): TargetMemory {
  let stored: string | undefined;
  return {
    read: async () => stored,
    write: async (text) => {
      stored = text;
    },
  };
}

/** One certificate at a target: each new one replaces the last. */
function lineage({ target }: DeployTargetSubject) {
  const itsMemory = memory();
  const stage = async (bundle: CompleteBundle, former?: CompleteBundle, signal?: AbortSignal) =>
    await target.stage(bundle, { former, memory: itsMemory, signal });
  const deploy = async (bundle: CompleteBundle, former?: CompleteBundle) => {
    const staged = await stage(bundle, former);
    await staged.apply({});
    await staged.commit?.({});
  };
  return { stage, deploy };
}

async function serialInUse({ inUse }: DeployTargetSubject): Promise<string | undefined> {
  const seen = await inUse();
  return seen && new X509Certificate(seen.chain).serialNumber.toLowerCase();
}

async function assertInUse(subject: DeployTargetSubject, bundle: CompleteBundle): Promise<void> {
  const seen = await subject.inUse();
  assert.ok(seen, 'nothing is in use');
  const sent = pemBlocks(seen.chain);
  assert.equal(sent[0], pemBlocks(filesOf(bundle).certificate)[0]);
  assert.deepEqual(sent, pemBlocks(bundle.chain), 'the chain is not in use with the certificate');
  if (seen.privateKey !== undefined)
    assert.deepEqual(pemBlocks(seen.privateKey), pemBlocks(bundle.privateKey));
}

/** Returns the base64 of each block of PEM, without its line breaks. */
function pemBlocks(pem: string): readonly string[] {
  return [...pem.matchAll(/-----BEGIN [A-Z ]+-----([^-]+)-----END/g)].map(([, text = '']) =>
    text.replaceAll(/\s/g, ''),
  );
}

/** Checks what a failure is: its code, that it names the target, and that it has no secret. */
async function assertFails(
  subject: DeployTargetSubject,
  code: DeployErrorCode,
  work: () => Promise<unknown>,
): Promise<void> {
  const { target, secrets } = subject;
  const error: unknown = await work().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error, 'it succeeded');
  assert.equal(errorCode(error), code, error.message);
  assert.ok(error.message.includes(target.name), `${error.message} does not name ${target.name}`);
  const text = inspect(error, { depth: 9 });
  const { privateKey } = await second(subject);
  for (const secret of [...secrets, ...keyTexts(privateKey)])
    assert.ok(!text.includes(secret), `it reveals a secret: ${text}`);
}

/** Returns the lines of a private key, which no message may have. */
function keyTexts(privateKey: string): readonly string[] {
  return privateKey.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'));
}

/** Deploys the first certificate, then tries the second while the place is in trouble. */
const failsWith =
  (kind: TargetTrouble, code: DeployErrorCode) =>
  async (subject: StandInTargetSubject): Promise<void> => {
    const { stage, deploy } = lineage(subject);
    const [former, bundle] = await Promise.all([first(), second(subject)]);
    await deploy(former);
    subject.trouble(kind);
    await assertFails(subject, code, async () => {
      const staged = await stage(bundle, former);
      await staged.apply({});
    });
    subject.trouble(undefined);
    await assertInUse(subject, former);
  };

/** What every deploy target does. Runner-neutral: throws where a clause does not hold. */
export const deployTargetContract: readonly DeployTargetClause[] = [
  {
    title: 'changes nothing that is in use before a certificate is applied',
    live: true,
    async check(subject) {
      const before = await serialInUse(subject);
      await lineage(subject).stage(await first());
      assert.equal(await serialInUse(subject), before);
    },
  },
  {
    title: 'puts a certificate in use with its chain and its key, and then the next one',
    live: true,
    async check(subject) {
      const certificates = lineage(subject);
      await certificates.deploy(await first());
      await assertInUse(subject, await first());
      await certificates.deploy(await second(subject), await first());
      await assertInUse(subject, await second(subject));
    },
  },
  {
    title: 'takes the certificate that is in use already as a success',
    live: true,
    async check(subject) {
      const certificates = lineage(subject);
      await certificates.deploy(await first());
      await certificates.deploy(await first(), await first());
      await assertInUse(subject, await first());
    },
  },
  {
    title: 'puts the former certificate back, and says which it is',
    live: true,
    async check(subject) {
      const certificates = lineage(subject);
      const [former, bundle] = await Promise.all([first(), second(subject)]);
      await certificates.deploy(former);
      const staged = await certificates.stage(bundle, former);
      await staged.apply({});
      await assertInUse(subject, bundle);
      assert.equal((await staged.rollBack({})).serialNumber, former.serialNumber);
      await assertInUse(subject, former);
    },
  },
  {
    title: 'is as before where a certificate is put back that was not applied',
    live: true,
    async check(subject) {
      const certificates = lineage(subject);
      await certificates.deploy(await first());
      const staged = await certificates.stage(await second(subject), await first());
      await staged.rollBack({});
      await assertInUse(subject, await first());
    },
  },
  {
    title:
      'puts the former certificate back also where a process ended after it applied the new one',
    live: true,
    async check(subject) {
      const certificates = lineage(subject);
      const [former, bundle] = await Promise.all([first(), second(subject)]);
      await certificates.deploy(former);
      await (await certificates.stage(bundle, former)).apply({});
      const again: StagedCertificate = await certificates.stage(bundle, former);
      await again.apply({});
      await assertInUse(subject, bundle);
      assert.equal((await again.rollBack({})).serialNumber, former.serialNumber);
      await assertInUse(subject, former);
    },
  },
  {
    title: 'deploys after a certificate was put back',
    live: true,
    async check(subject) {
      const certificates = lineage(subject);
      await certificates.deploy(await first());
      const staged = await certificates.stage(await second(subject), await first());
      await staged.apply({});
      await staged.rollBack({});
      await certificates.deploy(await second(subject), await first());
      await assertInUse(subject, await second(subject));
    },
  },
  {
    title: 'fails with ERR_DEPLOY_CREDENTIALS where the credentials are refused',
    live: false,
    check: failsWith('credentials', 'ERR_DEPLOY_CREDENTIALS'),
  },
  {
    title: 'fails with ERR_DEPLOY_REFUSED where the certificate is refused, and repeats no secret',
    live: false,
    check: failsWith('refusal', 'ERR_DEPLOY_REFUSED'),
  },
  {
    title: 'fails with ERR_DEPLOY_UNREACHABLE where the place answers with errors',
    live: false,
    check: failsWith('server-error', 'ERR_DEPLOY_UNREACHABLE'),
  },
  {
    title: 'fails with ERR_DEPLOY_UNREACHABLE where an answer is not as expected',
    live: false,
    check: failsWith('not-json', 'ERR_DEPLOY_UNREACHABLE'),
  },
  {
    title: 'can put the former certificate back after a failure at any step',
    live: false,
    async check(subject) {
      const certificates = lineage(subject);
      const [former, bundle] = await Promise.all([first(), second(subject)]);
      await certificates.deploy(former);
      for (const kind of ['lost-answer', 'server-error'] as const)
        for (const after of [0, 1, 2, 3]) {
          const staged = await certificates.stage(bundle, former);
          subject.trouble(kind, { after });
          await staged.apply({}).catch((error: unknown) => {
            assert.ok(error instanceof DeployError, String(error));
          });
          subject.trouble(undefined);
          await staged.rollBack({});
          await assertInUse(subject, former);
        }
    },
  },
  {
    title: 'ends at once when its signal aborts',
    live: false,
    async check(subject) {
      const certificates = lineage(subject);
      await certificates.deploy(await first());
      subject.trouble('silence');
      const controller = new AbortController();
      const reason = new Error('enough');
      const work = (async () => {
        const { signal } = controller;
        const staged = await certificates.stage(await second(subject), await first(), signal);
        await staged.apply({ signal });
      })();
      setImmediate(() => controller.abort(reason));
      await assert.rejects(work, (error) => error === reason);
      subject.trouble(undefined);
    },
  },
];
