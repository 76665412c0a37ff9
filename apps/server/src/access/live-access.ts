import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '@acmex/clock';
import { type Config, openNetwork, storageOf, webhookSecretWeakness } from '@acmex/config';
import { webhookKey } from '@acmex/egress/standard-webhooks';
import { ServerError } from '../errors.ts';
import type { Tenant } from '../tenants.ts';
import type { Sender } from '../webhooks/webhook-senders.ts';
import { assertStrong, digestOf } from './api-key.ts';
import { Authenticator } from './authenticator.ts';
import { CalendarTokenStore } from './calendar-token-store.ts';
import { forgetInitialKey, initialKey } from './initial-key.ts';
import { type FirstKey, KeyStore } from './key-store.ts';
import { oidc, type TokenReader } from './oidc.ts';
import { type OidcSignIn, oidcSignIn } from './oidc-sign-in.ts';
import { SessionStore } from './session-store.ts';

/** Who is let in by the configuration alone. */
interface ConfiguredAccess {
  readonly digests: readonly string[];
  readonly tokens: TokenReader | undefined;
  readonly signIn: OidcSignIn | undefined;
  readonly senders: readonly Sender[];
}

export interface LiveAccessOptions {
  readonly tenants: () => ReadonlyMap<string, Tenant>;
  readonly dataDirectory: string;
  /** Of the process: the proxies are read of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** Who is let in: by API keys in the storage, and by the configuration that is in effect. */
export class LiveAccess {
  readonly authenticator: Authenticator;
  readonly #options: LiveAccessOptions;
  readonly #keyFile: string;
  #configured: ConfiguredAccess;

  private constructor(config: Config, configured: ConfiguredAccess, options: LiveAccessOptions) {
    this.#options = options;
    this.#configured = configured;
    this.#keyFile = initialKeyFile(config, options.dataDirectory);
    this.authenticator = new Authenticator({
      tenants: options.tenants,
      keysOf: (tenant) => this.#keysOf(tenant),
      sessionsOf: ({ storage, name }) =>
        new SessionStore({ storage, tenant: name, clock: options.clock }),
      calendarTokensOf: ({ storage, name }) =>
        new CalendarTokenStore({ storage, tenant: name, clock: options.clock }),
      configured: () => this.#configured.digests,
      tokens: () => this.#configured.tokens,
      signInDigest: () => this.#configured.signIn?.digest,
      onFirstUse: async () => await forgetInitialKey(this.#keyFile),
    });
  }

  /** @throws ServerError `ERR_SERVER_API_KEY`, `ERR_SERVER_WEBHOOK_SECRET` */
  static async open(config: Config, options: LiveAccessOptions): Promise<LiveAccess> {
    return new LiveAccess(config, await configuredAccess(config, options), options);
  }

  /** Returns who may send webhooks. */
  senders(): readonly Sender[] {
    return this.#configured.senders;
  }

  /** Returns what signs people in at a provider; undefined where none is configured for it. */
  signIn(): OidcSignIn | undefined {
    return this.#configured.signIn;
  }

  /** Reads the access of another configuration. @returns puts it into effect */
  async prepare(config: Config): Promise<() => void> {
    const next = await configuredAccess(config, this.#options);
    return () => {
      this.#configured = next;
    };
  }

  /**
   * Makes a first API key where there is none.
   * @returns what came of it, and the file of the key; undefined where the configuration has keys
   */
  async makeInitialKey(): Promise<(FirstKey & { readonly file: string }) | undefined> {
    const [tenant] = this.#options.tenants().values();
    if (!tenant || this.#configured.digests.length > 0) return undefined;
    await mkdir(dirname(this.#keyFile), { recursive: true, mode: 0o700 });
    return { ...(await initialKey(this.#keysOf(tenant), this.#keyFile)), file: this.#keyFile };
  }

  #keysOf({ storage, name }: Pick<Tenant, 'storage' | 'name'>): KeyStore {
    return new KeyStore({ storage, tenant: name, clock: this.#options.clock });
  }
}

async function configuredAccess(
  config: Config,
  { tenants, environment, clock }: LiveAccessOptions,
): Promise<ConfiguredAccess> {
  const { api_keys: keys, oidc: provider, webhooks, dashboard } = config.values.server;
  const { webFetch: fetch } = await openNetwork(config, { environment });
  const texts = await Promise.all(keys.map(async (key) => (await key.reveal()).trim()));
  texts.forEach((text, index) => assertStrong(text, `server.api_keys[${index}] (ACMEX_API_KEYS)`));
  const tokens = provider && oidc({ provider, tenants, fetch, clock });
  const hasSignIn = dashboard && provider?.client_id !== undefined;
  return {
    digests: texts.map(digestOf),
    tokens: tokens?.read,
    signIn: tokens && hasSignIn ? oidcSignIn({ provider, tokens, fetch, clock }) : undefined,
    senders: await Promise.all(
      webhooks.map(async ({ name, tenant, secret }, index) => ({
        name,
        tenant,
        key: strongWebhookKey(await secret.reveal(), `server.webhooks[${index}].secret`),
      })),
    ),
  };
}

/** @throws ServerError `ERR_SERVER_WEBHOOK_SECRET` */
function strongWebhookKey(secret: string, place: string): Buffer {
  const weakness = webhookSecretWeakness(secret);
  if (weakness === undefined) return webhookKey(secret);
  throw new ServerError(
    'ERR_SERVER_WEBHOOK_SECRET',
    `${place} ${weakness.problem}: ${weakness.cure}`,
  );
}

function initialKeyFile(config: Config, dataDirectory: string): string {
  const { place } = storageOf(config);
  return join(place.kind === 'file' ? place.path : dataDirectory, '.acmex', 'initial-api-key');
}
