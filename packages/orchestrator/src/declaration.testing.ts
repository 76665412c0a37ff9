import assert from 'node:assert/strict';
import { parseChain } from '@acmex/certificate';
import type { VirtualClock } from '@acmex/clock';
import type { Storage } from '@acmex/storage';
import {
  type AcmexEvent,
  type CertificateSpec,
  type Declaration,
  type DeclareOptions,
  type ManagedCertificate,
  outbox,
  Provisioner,
} from './index.ts';
import type { TestIssuer } from './issuer.testing.ts';

/** What a clause is checked on: an empty storage, and two issuers named `test` and `other`. */
export interface DeclarationSubject {
  readonly storage: Storage;
  readonly clock: VirtualClock;
  readonly issuers: readonly [TestIssuer, TestIssuer];
  readonly provisioner: Provisioner;
}

export interface DeclarationClause {
  readonly title: string;
  check(subject: DeclarationSubject): Promise<void>;
}

const spec: CertificateSpec = {
  names: ['a.test', 'www.a.test'],
  issuer: 'test',
  keyType: 'ec-p256',
};

/** What `declare` promises for each caller and each storage. */
export const declarationContract: readonly DeclarationClause[] = [
  {
    title: 'creates a certificate with its first order, and changes nothing the next time',
    async check(subject) {
      const { provisioner } = subject;
      const first = await provisioner.declare(spec);
      assert.equal(first.change, 'created');
      const order = await provisioner.status(first.certificate.order!);
      assert.equal(order.state, 'pending');
      assert.deepEqual(asStored(first.newOrder), order);
      const whileOrdered = await provisioner.declare(spec);
      assert.deepEqual(whileOrdered, { change: 'unchanged', certificate: first.certificate });
      const issued = await execute(subject, first);
      const again = await provisioner.declare({ ...spec, names: ['WWW.a.test', 'a.test'] });
      assert.deepEqual(again, { change: 'unchanged', certificate: issued });
      assert.equal(subject.issuers[0].orders.length, 1);
    },
  },
  ...(
    [
      ['key type', { keyType: 'rsa-2048' }, ['keyType']],
      ['profile', { profile: 'shortlived' }, ['profile']],
      ['preferred chain', { preferredChain: 'Another Root' }, ['preferredChain']],
      ['CA', { issuer: 'other' }, ['issuer']],
      ['Must-Staple', { mustStaple: true }, ['mustStaple']],
      ['names', { names: ['a.test', 'more.a.test'] }, ['names']],
    ] as const
  ).map(([wish, change, differences]): DeclarationClause => ({
    title: `orders the certificate when its ${wish} changed, and says so`,
    async check(subject) {
      const { provisioner } = subject;
      const before = await execute(subject, await provisioner.declare(spec));
      const changed = await provisioner.declare({ ...spec, ...change }, { identity: 'first-name' });
      assert.equal(changed.change, 'ordered');
      assert.deepEqual(changed.differences, differences);
      const after = await execute(subject, changed);
      assert.equal(after.id, before.id);
      assert.equal(after.current!.generation, 2);
      assert.deepEqual(after.current!.issuedFor, {
        ...before.current!.issuedFor,
        ...change,
      });
      assert.equal((await all(provisioner)).length, 1);
      const again = await provisioner.declare({ ...spec, ...change }, { identity: 'first-name' });
      assert.equal(again.change, 'unchanged');
    },
  })),
  ...(
    [
      ['labels', { labels: { team: 'web' } }],
      ['the challenge', { proof: { challenge: 'dns-01' } }],
      ['the time of renewal', { renewBefore: 'P20D' }],
      ['reuse of the private key', { reuseKey: true }],
      ['places to deploy to', { deploy: [{ directory: '/etc/tls' }] }],
    ] as const
  ).map(([wish, change]): DeclarationClause => ({
    title: `changes ${wish} without an order`,
    async check(subject) {
      const { provisioner } = subject;
      await execute(subject, await provisioner.declare(spec));
      const changed = await provisioner.declare({ ...spec, ...change });
      assert.equal(changed.change, 'changed');
      assert.deepEqual(changed.differences, Object.keys(change));
      assert.equal((await provisioner.declare({ ...spec, ...change })).change, 'unchanged');
      assert.equal((await provisioner.declare(spec)).change, 'unchanged');
      assert.equal((await events(subject)).at(-1)!.type, 'certificate_changed');
    },
  })),
  {
    title: 'treats undefined, false and empty values as the same',
    async check({ provisioner }) {
      await provisioner.declare(spec);
      const empty = { mustStaple: false, reuseKey: undefined, labels: {}, deploy: [] };
      assert.equal((await provisioner.declare({ ...spec, ...empty })).change, 'unchanged');
    },
  },
  {
    title: 'compares with what was issued, even if the record already has the wanted value',
    async check(subject) {
      const { provisioner } = subject;
      const { id } = await execute(subject, await provisioner.declare(spec));
      const version1 = (summary: Omit<ManagedCertificate, 'id'>) => ({
        ...summary,
        keyType: 'ec-p384' as const,
        current: { ...summary.current!, issuedFor: undefined },
      });
      await provisioner.certificates.change(id, version1);
      const declared = await provisioner.declare({ ...spec, keyType: 'ec-p384' });
      assert.equal(declared.change, 'ordered');
      assert.deepEqual(declared.differences, ['keyType']);
    },
  },
  ...[true, false].map((isInUse): DeclarationClause => ({
    title: `${isInUse ? 'does not order' : 'orders'} a certificate of an earlier version whose chain ${isInUse ? 'is' : 'is not'} the preferred one`,
    async check(subject) {
      const { provisioner } = subject;
      const { id } = await execute(subject, await provisioner.declare(spec));
      await provisioner.certificates.change(id, ({ current, ...summary }) => {
        const issuedFor = { ...current!.issuedFor!, preferredChain: undefined };
        return { ...summary, current: { ...current!, issuedFor } };
      });
      const { chain } = (await provisioner.certificates.generation(id, 1))!;
      const issuer = parseChain(chain)
        .at(-1)!
        .issuer.replace(/^.*CN=/, '');
      const preferredChain = isInUse ? issuer : 'Another Root';
      const declared = await provisioner.declare({ ...spec, preferredChain });
      assert.equal(declared.change, isInUse ? 'changed' : 'ordered');
      assert.equal(declared.certificate.order === undefined, isInUse);
    },
  })),
  {
    title:
      'writes nothing when a certificate or an order is not admitted, and orders it when it is',
    async check(subject) {
      const { provisioner } = subject;
      const refuse = {
        admit: async () => {
          throw new Error('over the quota');
        },
      };
      await assert.rejects(provisioner.declare(spec, refuse), /over the quota/);
      assert.deepEqual(await all(provisioner), []);
      const before = await execute(subject, await provisioner.declare(spec));
      const wider = { ...spec, names: ['a.test', 'b.test'] };
      const byFirstName = { identity: 'first-name' } as const;
      for (let time = 0; time < 2; time += 1)
        await assert.rejects(
          provisioner.declare(wider, { ...byFirstName, ...refuse }),
          /over the quota/,
        );
      assert.deepEqual(await all(provisioner), [before]);
      assert.equal((await provisioner.declare(wider, byFirstName)).change, 'ordered');
    },
  },
  {
    title: 'creates one certificate when many declare the same at the same moment',
    async check({ storage, clock, issuers }) {
      const declarations = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const provisioner = new Provisioner({ storage, issuers, clock });
          return await provisioner.declare(spec);
        }),
      );
      assert.deepEqual(countOf(declarations), { created: 1, unchanged: 9 });
      assert.equal(new Set(declarations.map(({ certificate }) => certificate.id)).size, 1);
    },
  },
  {
    title: 'takes a certificate that another process adds while it is searched for',
    async check({ provisioner, storage, issuers, clock }) {
      let added: Declaration | undefined;
      const slow: Storage = {
        get: async (key) => {
          if (key.startsWith('identity/')) added ??= await provisioner.declare(spec);
          return await storage.get(key);
        },
        list: (prefix, options) => storage.list(prefix, options),
        snapshot: (options) => storage.snapshot(options),
        write: async (changes, options) => await storage.write(changes, options),
        [Symbol.asyncDispose]: async () => await storage[Symbol.asyncDispose](),
      };
      const searching = new Provisioner({ storage: slow, issuers, clock });
      const declared = await searching.declare(spec);
      assert.equal(declared.change, 'unchanged');
      assert.equal(declared.certificate.id, added?.certificate.id);
    },
  },
  {
    title: 'creates one certificate when it is declared by its names and by its first name at once',
    async check({ storage, clock, issuers }) {
      const declarations = await Promise.all(
        (['names', 'first-name', 'names', 'first-name'] as const).map(async (identity, index) => {
          const names = index < 2 ? spec.names : [...spec.names].reverse();
          const provisioner = new Provisioner({ storage, issuers, clock });
          return await provisioner.declare({ ...spec, names }, { identity });
        }),
      );
      assert.deepEqual(countOf(declarations), { created: 1, unchanged: 3 });
    },
  },
  {
    title: 'orders once when many declare the same change at the same moment',
    async check(subject) {
      const { storage, clock, issuers, provisioner } = subject;
      await execute(subject, await provisioner.declare(spec));
      const declarations = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const process = new Provisioner({ storage, issuers, clock });
          return await process.declare({ ...spec, keyType: 'ec-p384' });
        }),
      );
      assert.deepEqual(countOf(declarations), { ordered: 1, unchanged: 9 });
    },
  },
  {
    title: 'creates a certificate again after it was removed',
    async check({ provisioner, clock }) {
      const first = await provisioner.declare(spec);
      await clock.run(provisioner.remove(first.certificate.id));
      const again = await provisioner.declare(spec);
      assert.equal(again.change, 'created');
      assert.notEqual(again.certificate.id, first.certificate.id);
    },
  },
  {
    title: 'starts an order again that is under way for other names',
    async check(subject) {
      const { provisioner, issuers } = subject;
      const declared = await provisioner.declare({ ...spec, names: ['a.test', 'wrong.test'] });
      const order = declared.certificate.order!;
      issuers[0].onWait = async (at) => {
        if (at === 'presented') throw new Error('wrong.test has no address');
      };
      assert.equal((await provisioner.execute(order)).state, 'failed');
      issuers[0].onWait = async () => undefined;
      const corrected = await provisioner.declare(spec, { identity: 'first-name' });
      assert.equal(corrected.change, 'ordered');
      assert.equal(corrected.order, order);
      const { current } = await execute(subject, corrected);
      assert.deepEqual(current!.issuedFor!.names, spec.names);
      assert.equal(issuers[0].abandoned.length, 1);
      assert.equal(issuers[0].orders.length, 2);
    },
  },
  {
    title: 'is due at once when it was changed while it was issued',
    async check(subject) {
      const { provisioner, issuers, clock } = subject;
      const declared = await provisioner.declare(spec);
      issuers[0].onWait = async (at) => {
        if (at === 'presented') await provisioner.declare({ ...spec, keyType: 'ec-p384' });
      };
      await execute(subject, declared);
      await clock.advance({ seconds: 1 });
      const due = [];
      for await (const { id } of provisioner.certificates.due(clock.now())) due.push(id);
      assert.deepEqual(due, [declared.certificate.id]);
    },
  },
  {
    title: 'takes a change back when its order ends with a failure',
    async check(subject) {
      const { provisioner, issuers } = subject;
      const before = await execute(subject, await provisioner.declare(spec));
      const changed = await provisioner.declare(
        { ...spec, profile: 'unknown' },
        { onFailure: 'end' },
      );
      issuers[0].failures.push(new Error('no such profile'));
      assert.equal((await provisioner.execute(changed.certificate.order!)).state, 'failed');
      const after = await provisioner.certificates.get(before.id);
      assert.deepEqual([after.profile, after.order], [undefined, undefined]);
    },
  },
  {
    title: 'changes a paused certificate, and orders it when it is resumed',
    async check(subject) {
      const { provisioner, clock } = subject;
      const { id } = await execute(subject, await provisioner.declare(spec));
      await provisioner.certificates.pause(id);
      const wanted = { ...spec, keyType: 'ec-p384' as const };
      assert.equal((await provisioner.declare(wanted)).change, 'changed');
      await assert.rejects(provisioner.declare(wanted, { order: 'always' }), {
        code: 'ERR_ORCHESTRATOR_PAUSED',
      });
      await provisioner.certificates.resume(id);
      assert.equal((await provisioner.certificates.due(clock.now()).next()).done, false);
      await provisioner.certificates.pause(id);
      const resumed = await provisioner.declare(wanted, { paused: 'resume' });
      assert.equal(resumed.change, 'ordered');
      assert.equal(resumed.certificate.paused, false);
    },
  },
  {
    title:
      'orders an unchanged certificate with order: always, and returns an order that is under way',
    async check(subject) {
      const { provisioner } = subject;
      const options: DeclareOptions = { order: 'always' };
      const { change, certificate } = await provisioner.declare(spec, options);
      assert.equal(change, 'created');
      const running = await provisioner.declare(spec, options);
      assert.equal(running.change, 'ordered');
      assert.equal(running.order, certificate.order);
      assert.equal(running.newOrder, undefined);
      await execute(subject, running);
      const forced = await provisioner.declare(spec, options);
      assert.equal(forced.change, 'ordered');
      assert.notEqual(forced.order, certificate.order);
      assert.deepEqual(asStored(forced.newOrder), await provisioner.status(forced.order));
    },
  },
  {
    title: 'keeps the places of deployment when asked, and else replaces them',
    async check(subject) {
      const { provisioner } = subject;
      const byHand = [{ certPath: '/a.pem' }];
      const general = { ...spec, deploy: [{ general: true }] };
      await execute(subject, await provisioner.declare({ ...spec, deploy: byHand }));
      const left = await provisioner.declare(general, { keep: ['deploy'] });
      assert.deepEqual([left.change, left.certificate.deploy], ['unchanged', byHand]);
      const { id } = left.certificate;
      await provisioner.certificates.change(id, (summary) => ({ ...summary, deployed: 1 }));
      const replaced = await provisioner.declare(general);
      assert.deepEqual(replaced.certificate.deploy, general.deploy);
      assert.equal(replaced.certificate.deployed, undefined);
      await provisioner.certificates.change(id, (summary) => ({ ...summary, deployed: 1 }));
      const again = await provisioner.declare(general, { deployAgain: true });
      assert.deepEqual([again.change, again.certificate.deployed], ['unchanged', undefined]);
    },
  },
  {
    title:
      'declares of an existing certificate what depends on its values, and keeps what is left out',
    async check({ provisioner }) {
      const byHand = { certPath: '/a.pem' };
      const declared = { ...spec, declared: true, deploy: [byHand], labels: { team: 'web' } };
      await provisioner.declare(declared);
      const extended = await provisioner.declare(
        { ...spec, deploy: [{ to: 'new' }] },
        {
          specFor: ({ labels: _, ...all }, { deploy = [] }) => ({
            ...all,
            deploy: [...deploy, { to: 'web' }],
          }),
        },
      );
      const { deploy, labels, deployDeclared } = extended.certificate;
      assert.deepEqual([deploy, labels], [[byHand, { to: 'web' }], declared.labels]);
      assert.equal(deployDeclared, undefined);
      // What is left out is declared by the configuration as before.
      await provisioner.declare(declared);
      const unchanged = await provisioner.declare(spec, { specFor: ({ names }) => ({ names }) });
      assert.deepEqual(
        [unchanged.change, unchanged.certificate.deployDeclared],
        ['unchanged', true],
      );
    },
  },
  {
    title: 'keeps existing values that are only for a new certificate',
    async check(subject) {
      const { provisioner } = subject;
      const labels = { team: 'web' };
      await execute(subject, await provisioner.declare({ ...spec, keyType: 'rsa-2048', labels }));
      const again = await provisioner.declare(
        { ...spec, labels: {} },
        { keep: ['keyType', 'labels'] },
      );
      assert.equal(again.change, 'unchanged');
      assert.deepEqual([again.certificate.keyType, again.certificate.labels], ['rsa-2048', labels]);
    },
  },
  {
    title: 'matches each of several entries with the same names with its own certificate',
    async check(subject) {
      const { provisioner } = subject;
      const entries = (['ec-p256', 'rsa-2048'] as const).map((keyType) => ({
        spec: { ...spec, keyType },
      }));
      const first = await provisioner.declareAll(entries);
      for (const declaration of first) await execute(subject, declaration);
      const again = await provisioner.declareAll([...entries].reverse());
      assert.deepEqual(countOf(again), { unchanged: 2 });
      assert.deepEqual(
        again.map(({ certificate }) => certificate.id),
        first.map(({ certificate }) => certificate.id).reverse(),
      );
    },
  },
  {
    title: 'says what a declaration would do, and writes nothing',
    async check(subject) {
      const { provisioner } = subject;
      const { id } = await execute(subject, await provisioner.declare(spec));
      const before = (await events(subject)).length;
      const plans = await provisioner.planAll([
        { spec: { ...spec, labels: { team: 'web' } } },
        { spec: { ...spec, names: ['new.test'] } },
      ]);
      assert.deepEqual(
        plans.map(({ change, differences, certificate, isWritten }) => [
          ...[change, differences, certificate?.id, isWritten],
        ]),
        [
          ['changed', ['labels'], id, true],
          ['created', [], undefined, true],
        ],
      );
      assert.deepEqual(
        (await provisioner.planAll([{ spec: { ...spec, keyType: 'ec-p384' } }]))[0]?.change,
        'ordered',
      );
      assert.equal((await provisioner.planAll([{ spec }]))[0]?.isWritten, false);
      assert.equal((await events(subject)).length, before);
      assert.equal((await all(provisioner)).length, 1);
    },
  },
  {
    title: 'moves the renewal when its latest time before the expiry changes, and back',
    async check(subject) {
      const { provisioner } = subject;
      const issued = await execute(subject, await provisioner.declare(spec));
      const planned = issued.renewal!.at;
      const end = Date.parse(issued.current!.notAfter);
      const lifetime = end - Date.parse(issued.current!.notBefore);
      const earlier = { ...spec, renewBefore: `PT${Math.floor(lifetime / 2_500)}S` };
      const { change, certificate } = await provisioner.declare(earlier);
      assert.equal(change, 'changed');
      const left = end - Date.parse(certificate.renewal!.at);
      assert.ok(Math.abs(left - lifetime * 0.4) < 1000, String(left / lifetime));
      const back = await provisioner.declare({ ...spec, renewBefore: undefined });
      assert.equal(back.certificate.renewal!.at, planned);
    },
  },
  {
    title: 'retires a certificate: it is not renewed, keeps its key, and comes back when declared',
    async check(subject) {
      const { provisioner, clock } = subject;
      const declared = { ...spec, declared: true };
      const { id } = await execute(subject, await provisioner.declare(declared));
      await provisioner.retire(id);
      const retired = await provisioner.certificates.get(id);
      assert.deepEqual([retired.paused, retired.declared], [true, false]);
      assert.equal(retired.retiredAt, clock.now().toString());
      assert.equal(retired.current?.revokedAt, undefined);
      assert.ok(await provisioner.certificates.generation(id, 1));
      await provisioner.retire(id);
      assert.deepEqual(await provisioner.certificates.get(id), retired);
      const back = await provisioner.declare(declared);
      assert.deepEqual([back.change, back.certificate.id], ['changed', id]);
      assert.deepEqual([back.certificate.paused, back.certificate.retiredAt], [false, undefined]);
      await provisioner.certificates.pause(id);
      assert.equal((await provisioner.declare(declared)).certificate.paused, true);
    },
  },
  {
    title: 'removes a certificate that is retired before it was issued, with its order',
    async check(subject) {
      const { provisioner } = subject;
      const { certificate } = await provisioner.declare(spec);
      await provisioner.retire(certificate.id);
      assert.deepEqual(await all(provisioner), []);
      assert.equal((await provisioner.status(certificate.order!)).state, 'cancelled');
    },
  },
  {
    title: 'refuses an unknown issuer, and an empty list of names',
    async check({ provisioner }) {
      await assert.rejects(provisioner.declare({ ...spec, issuer: 'nobody' }), {
        code: 'ERR_ORCHESTRATOR_ISSUER',
      });
      await assert.rejects(provisioner.declare({ ...spec, names: [] }), {
        code: 'ERR_ORCHESTRATOR_INPUT',
      });
    },
  },
];

/** What joining the duplicates of earlier versions promises. */
export const duplicatesContract: readonly DeclarationClause[] = [
  {
    title:
      'joins duplicates of earlier versions: the certificate with the newest valid generation stays',
    async check(subject) {
      const { provisioner, clock } = subject;
      const ids = [];
      for (const directory of ['/one', '/two', '/two'])
        ids.push((await issuedTwin(subject, { deploy: [{ directory }] })).id);
      await clock.advance({ hours: 1 });
      const renewed = await provisioner.submit({ certificate: ids[1]!, cause: 'request' });
      await provisioner.execute(renewed);
      const [joined] = await provisioner.joinDuplicates();
      const [survivor] = await all(provisioner);
      assert.deepEqual([joined!.certificate.id, survivor!.id], [ids[1], ids[1]]);
      assert.deepEqual([...joined!.joined].sort(), [ids[0], ids[2]].sort());
      assert.equal(survivor!.current!.generation, 2);
      assert.deepEqual(survivor!.deploy, [{ directory: '/two' }, { directory: '/one' }]);
    },
  },
  {
    title:
      'loses nothing that a person fetched: the former ids lead to the certificate and to their keys',
    async check(subject) {
      const { provisioner } = subject;
      const first = await issuedTwin(subject);
      const key = await provisioner.certificates.generation(first.id, 1);
      const second = await issuedTwin(subject);
      await provisioner.joinDuplicates();
      const survivor = await provisioner.certificates.get(first.id);
      assert.deepEqual([survivor.id, survivor.joined], [second.id, [first.id]]);
      assert.deepEqual(await provisioner.certificates.generation(first.id, 1), key);
      await provisioner.certificates.change(first.id, (summary) => ({
        ...summary,
        labels: { by: 'its former id' },
      }));
      assert.equal((await provisioner.certificates.get(second.id)).labels!.by, 'its former id');
      await subject.clock.run(provisioner.remove(first.id));
      assert.equal(await provisioner.certificates.find(first.id), undefined);
      assert.equal(await provisioner.certificates.generation(first.id, 1), undefined);
      assert.deepEqual(await all(provisioner), []);
    },
  },
  {
    title: 'cancels the orders of duplicates, and removes their challenge responses',
    async check(subject) {
      const { provisioner, issuers } = subject;
      const survivor = await issuedTwin(subject);
      const order = await provisioner.submit({ certificate: spec });
      const { certificate: id } = await provisioner.status(order);
      issuers[0].onWait = async (at) => {
        if (at === 'presented') throw new Error('not yet');
      };
      await provisioner.execute(order);
      await provisioner.joinDuplicates();
      assert.deepEqual(issuers[0].abandoned, [
        { order: 'https://ca.test/order/2', presented: true },
      ]);
      assert.equal((await provisioner.status(order)).state, 'cancelled');
      assert.equal((await provisioner.certificates.get(id)).id, survivor.id);
    },
  },
  {
    title:
      'does not join certificates that differ in names, CA, profile or key type, or that are to be kept',
    async check(subject) {
      const { provisioner } = subject;
      await issuedTwin(subject);
      for (const change of [
        { names: ['a.test'] },
        { issuer: 'other' },
        { profile: 'shortlived' },
        { keyType: 'ec-p384' as const },
      ])
        await issuedTwin(subject, change);
      const twin = await issuedTwin(subject);
      const [first] = await all(provisioner);
      const keep = new Set([first!.id, twin.id]);
      assert.deepEqual(await provisioner.joinDuplicates({ keep }), []);
      assert.equal((await all(provisioner)).length, 6);
    },
  },
  {
    title: 'searches a whole storage once, and certificates with given names at any time',
    async check(subject) {
      const { provisioner } = subject;
      assert.deepEqual(await provisioner.joinDuplicates(), []);
      await issuedTwin(subject);
      await issuedTwin(subject);
      assert.deepEqual(await provisioner.joinDuplicates(), []);
      assert.equal((await provisioner.joinDuplicates({ names: spec.names })).length, 1);
    },
  },
  {
    title: 'reports a duplicate that cannot be joined, and joins it the next time',
    async check(subject) {
      const { provisioner, issuers } = subject;
      await issuedTwin(subject);
      const order = await provisioner.submit({ certificate: spec });
      issuers[0].onWait = async () => {
        throw new Error('not yet');
      };
      await provisioner.execute(order);
      const { abandon } = issuers[0];
      issuers[0].abandon = async () => {
        throw new Error('the DNS host is away');
      };
      const errors: unknown[] = [];
      const onError = (_: string, error: unknown) => errors.push(error);
      assert.deepEqual(await provisioner.joinDuplicates({ onError }), []);
      assert.match(String(errors), /the DNS host is away/);
      issuers[0].abandon = abandon;
      assert.equal((await provisioner.joinDuplicates({ onError })).length, 1);
    },
  },
];

/** Issues a duplicate, as earlier versions did when two processes declared the same at once. */
async function issuedTwin(
  subject: DeclarationSubject,
  change: Partial<CertificateSpec> = {},
): Promise<ManagedCertificate> {
  const { provisioner, clock } = subject;
  await clock.advance({ seconds: 1 });
  const order = await provisioner.submit({ certificate: { ...spec, ...change } });
  const { certificate } = await provisioner.status(order);
  assert.equal((await provisioner.execute(order)).state, 'succeeded');
  return await provisioner.certificates.get(certificate);
}

async function execute(
  { provisioner }: DeclarationSubject,
  { certificate: { id, order } }: Declaration,
): Promise<ManagedCertificate> {
  assert.ok(order !== undefined);
  const outcome = await provisioner.execute(order);
  assert.equal(outcome.state, 'succeeded');
  return await provisioner.certificates.get(id);
}

async function all({ certificates }: Provisioner): Promise<readonly ManagedCertificate[]> {
  const list: ManagedCertificate[] = [];
  for await (const certificate of certificates.list()) list.push(certificate);
  return list;
}

async function events({ storage }: DeclarationSubject): Promise<readonly AcmexEvent[]> {
  const list: AcmexEvent[] = [];
  for await (const event of outbox(storage).list()) list.push(event);
  return list;
}

function countOf(declarations: readonly Declaration[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { change } of declarations) counts[change] = (counts[change] ?? 0) + 1;
  return counts;
}

/** Returns what a storage gives back for a record: undefined members are left out. */
function asStored<T>(record: T): T {
  return JSON.parse(JSON.stringify(record)) as T;
}
