import type { CheckResult } from '@acmex/check';
import { mapConcurrent } from '@acmex/clock';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Arrange, broken, healthy, type Setup } from './check-setups.testing.ts';
import { startZoo, type Zoo } from './check-zoo.testing.ts';
import { declareCertificate } from './issuer-record.ts';

let zoo: Zoo;
beforeAll(async () => {
  zoo = await startZoo();
});
afterAll(async () => {
  await zoo?.[Symbol.asyncDispose]();
});

interface Checked extends Setup {
  readonly results: readonly CheckResult[];
}

/** Sets each up below a name of its own, and checks all side by side. */
async function checked(prefix: string, arrangements: readonly Arrange[]) {
  return await mapConcurrent(8, [...arrangements.entries()], async ([index, arrange]) => {
    const setup = await arrange(zoo, `${prefix}${index}.example.org`);
    Object.assign(zoo.zone, setup.zone);
    const results = await zoo
      .manager(setup.manager)
      .check([setup.certificate], { ...zoo.options, ...setup.options });
    return { ...setup, results } satisfies Checked;
  });
}

const findingsOf = (results: readonly CheckResult[]) => results.flatMap(({ findings }) => findings);

describe('the check of set-ups', () => {
  it('has one code for each of 30 and more that are broken, and costs no validation at the CA', async () => {
    const setups = await checked(
      'broken',
      broken.map(([, , arrange]) => arrange),
    );
    const codes = setups.map(({ results }, index) => [
      ...new Set(findingsOf(results).map(({ code }) => code)),
      broken[index]?.[1],
    ]);
    expect(codes).toEqual(broken.map(([code, title]) => [code, title]));
    expect(broken.length).toBeGreaterThanOrEqual(30);
    expect(zoo.validations).toEqual({ count: 0, failed: 0 });
    for (const { subject, saw, cure } of setups.flatMap(({ results }) => findingsOf(results)))
      expect([subject, saw, cure]).not.toContain('');
  });

  it('says which process has a port that a response needs', async () => {
    const setups = broken.filter(([code]) => code === 'ERR_CHALLENGE_PORT_IN_USE');
    const [{ results }] = (await checked(
      'port',
      setups.map(([, , arrange]) => arrange),
    )) as [Checked];
    // The web server of the set-up is in this process.
    expect(findingsOf(results)[0]?.saw).toMatch(
      new RegExp(`; \\S+ \\(process ${process.pid} of the user \\S+\\) has it$`),
    );
  });

  it('finds nothing in 30 and more that are healthy, and the CA issues for all of them at once', async () => {
    const setups = await checked(
      'healthy',
      healthy.map(([, arrange]) => arrange),
    );
    const seen = setups.map(({ results }, index) => ({
      title: healthy[index]?.[0],
      findings: findingsOf(results),
    }));
    expect(seen).toEqual(healthy.map(([title]) => ({ title, findings: [] })));
    expect(healthy.length).toBeGreaterThanOrEqual(30);
    const outcomes = await mapConcurrent(8, setups, async ({ certificate, manager: options }) => {
      const manager = zoo.manager(options);
      const issuer = { name: 'zoo', title: 'the CA of the zoo', directory: zoo.directory };
      const { keyType = 'ec-p256', ...wanted } = certificate;
      const declaration = await declareCertificate(
        manager,
        { ...wanted, keyType, issuer },
        { onFailure: 'end' },
      );
      return (await manager.provisioner.execute(declaration.certificate.order ?? '')).state;
    });
    expect(outcomes).toEqual(healthy.map(() => 'succeeded'));
    expect(zoo.validations.count).toBeGreaterThanOrEqual(healthy.length);
    expect(zoo.validations.failed).toBe(0);
  });
});
