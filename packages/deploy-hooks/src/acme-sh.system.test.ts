import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { deployTargetContract } from '@acmex/deploy/contract';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import type { DeployTarget, TargetMemory } from '@acmex/deploy';
import { type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { acmeShDeploy, type AcmeShDeployOptions } from './index.ts';

const PATH = process.env.PATH ?? '';
let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder('acme-sh');
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});
const at = (...names: string[]) => join(folder.path, ...names);

/**
 * Shaped as acme.sh: functions, settings of a domain in DOMAIN_CONF, and a last line that prints the
 * help where there are no parameters.
 */
const acmeSh = `
_initpath() { . "$LE_WORKING_DIR/account.conf"; }
_err() { echo "$@" >&2; }
_setting() { sed -n "s/^SAVED_$1='\\(.*\\)'$/\\1/p" "$DOMAIN_CONF"; }
_savedeployconf() {
  grep -v "^SAVED_$1=" "$DOMAIN_CONF" > "$DOMAIN_CONF.next"
  echo "SAVED_$1='$2'" >> "$DOMAIN_CONF.next"
  cat "$DOMAIN_CONF.next" > "$DOMAIN_CONF"
}
_getdeployconf() {
  eval "acmesh_value=\\$$1"
  [ -n "$acmesh_value" ] || acmesh_value=$(_setting "$1")
  export "$1=$acmesh_value"
}
main() { [ -z "$1" ] && echo help && return; "$@"; }
main "$@"
`;

/** A script that copies the files to a folder, which it remembers. */
const copying = `
copy_deploy() {
  _getdeployconf DEPLOY_COPY_TO
  [ -n "$DEPLOY_COPY_TO" ] || { _err "set DEPLOY_COPY_TO"; return 1; }
  _savedeployconf DEPLOY_COPY_TO "$DEPLOY_COPY_TO"
  echo "$1 $Le_Domain $Le_Keylength" > "$DEPLOY_COPY_TO/names"
  cat "$2" > "$DEPLOY_COPY_TO/key" && cat "$5" > "$DEPLOY_COPY_TO/chain"
  cat "$3" "$4" > "$DEPLOY_COPY_TO/parts"
}
`;

async function home(hooks: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(at('home', 'deploy'), { recursive: true });
  await writeFile(at('home', 'acme.sh'), acmeSh);
  await writeFile(at('home', 'account.conf'), 'ACCOUNT=kept\n');
  for (const [name, text] of Object.entries(hooks))
    await writeFile(at('home', 'deploy', `${name}.sh`), text);
  await mkdir(at('place'), { recursive: true });
  return at('home');
}

async function target(options: Partial<AcmeShDeployOptions> = {}, hooks = {}) {
  return acmeShDeploy({
    home: await home({ copy: copying, ...hooks }),
    hook: 'copy',
    env: { PATH },
    settings: { DEPLOY_COPY_TO: at('place') },
    ...options,
  });
}

function memory(text?: string): TargetMemory & { readonly text: () => string | undefined } {
  let stored = text;
  return {
    text: () => stored,
    read: async () => stored,
    write: async (next) => {
      stored = next;
    },
  };
}

describe('acmeShDeploy', () => {
  it.each(deployTargetContract.filter(({ live }) => live))('$title', async ({ check }) => {
    const read = async (name: string) => await readFile(at('place', name), 'utf8');
    await (check as (subject: object) => Promise<void>)({
      target: await target(),
      secrets: [],
      inUse: async () =>
        (await readdir(at('place'))).length === 0
          ? undefined
          : { chain: await read('chain'), privateKey: await read('key') },
    });
  });

  /** What a script gets, by the contract's own certificates. */
  const deployed = async (deployTarget: DeployTarget, itsMemory = memory(), names = ['a.test']) => {
    const key = await webcrypto().generate('ec-p256');
    const chain = await createSelfSigned({ identifiers: [{ type: 'dns', value: 'a.test' }], key });
    const privateKey = new TextDecoder().decode(await privateKeyPem(key));
    const bundle = { id: 'crt_1', serialNumber: '0a', notAfter: '', names, chain, privateKey };
    const staged = await deployTarget.stage(bundle, { memory: itsMemory });
    await staged.apply({});
    return { staged, privateKey };
  };

  it('keeps what the script saves, for each certificate, and writes nothing to the folder of acme.sh', async () => {
    const saved = memory();
    await deployed(await target(), saved);
    expect(saved.text()).toBe(`SAVED_DEPLOY_COPY_TO='${at('place')}'`);
    const unset = await target({ settings: {} });
    await deployed(unset, saved);
    await expect(deployed(unset, memory())).rejects.toMatchObject({
      code: 'ERR_DEPLOY_HOOK',
      message: expect.stringContaining('set DEPLOY_COPY_TO'),
    });
    expect((await readdir(at('home'))).sort()).toEqual(['account.conf', 'acme.sh', 'deploy']);
  });
  it('passes names as data, and the length of the key as acme.sh writes it', async () => {
    const name = '*.$(touch PWNED).test';
    await deployed(await target(), memory(), [name]);
    expect(await readFile(at('place', 'names'), 'utf8')).toBe(`${name} ${name} ec-256\n`);
  });
  it('says what a script wrote that failed, without settings and keys, and leaves no file', async () => {
    const hooks = {
      bad: 'bad_deploy() { cp "$2" "$TO/was"; echo "$SECRET"; cat "$2"; return 7; }\n',
    };
    const settings = { TO: at('place'), SECRET: async () => 't0p-s3cret' };
    const before = await leftovers();
    const failure = await deployed(await target({ hook: 'bad', settings }, hooks)).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({
      code: 'ERR_DEPLOY_HOOK',
      message: expect.stringMatching(/acme\.sh: bad_deploy failed: .*ended with 7/),
    });
    const [, line = ''] = (await readFile(at('place', 'was'), 'utf8')).split('\n');
    const text = inspect(failure, { depth: 9 });
    expect([text.includes('t0p-s3cret'), text.includes(line), line.length > 20]).toEqual([
      false,
      false,
      true,
    ]);
    expect(await leftovers()).toEqual(before);
  });
  it('says which setting cannot be read, without a text that may have it', async () => {
    const settings = { TOKEN: async () => await Promise.reject(new Error('bad: t0p-s3cret')) };
    const failure = await deployed(await target({ settings })).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'ERR_DEPLOY_CREDENTIALS',
      message: expect.stringMatching(/^acme\.sh: the setting TOKEN cannot be read .*: check where/),
    });
    expect(inspect(failure, { depth: 9 })).not.toContain('t0p-s3cret');
  });
  it('says that there is no former certificate to put back', async () => {
    const { staged } = await deployed(await target());
    await expect(staged.rollBack({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_ROLL_BACK',
      message: expect.stringContaining('no former certificate'),
    });
  });
  it('does not run a script that others can change, or that is not there', async () => {
    const copy = await target();
    await chmod(at('home', 'deploy', 'copy.sh'), 0o666);
    await expect(deployed(copy)).rejects.toMatchObject({
      code: 'ERR_DEPLOY_UNSAFE',
      message: expect.stringContaining('copy.sh can be written by others'),
    });
    await expect(deployed(await target({ hook: 'none' }))).rejects.toMatchObject({
      code: 'ERR_DEPLOY_HOOK',
      message: expect.stringContaining('none.sh'),
    });
    expect(await readdir(at('place'))).toEqual([]);
  });
  it.each([
    ['a hook', { hook: '../copy' }],
    ['a variable', { settings: { 'A=B': 'x' } }],
  ])('refuses the name of %s that is not one', async (_, options) => {
    await expect(target(options)).rejects.toThrow(RangeError);
  });
});

/** Folders with files for a script, which end with it. */
async function leftovers(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => /^acmex-deploy-\w{6}$/.test(name)).sort();
}
