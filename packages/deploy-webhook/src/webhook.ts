import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '@acmex/clock';
import {
  type CompleteBundle,
  DeployError,
  type DeployTarget,
  filesOf,
  readCredential,
  type SecondBundle,
  targetApi,
  type TargetCallOptions,
  type TargetMemory,
} from '@acmex/deploy';
import { webhookHeaders, webhookKey } from '@acmex/egress/standard-webhooks';
import { checkServerUrl } from '@acmex/identifier';

export interface WebhookOptions {
  /** Where the certificate is sent; `http://` only for this machine. */
  readonly url: string;
  /**
   * Returns the secret that signs each request as Standard Webhooks: `whsec_` and base64, or a text.
   * Without it, requests are not signed.
   */
  readonly secret?: (() => Promise<string>) | undefined;
  /** Returns what is sent as `Authorization: Bearer`. */
  readonly token?: (() => Promise<string>) | undefined;
  /** Whether the private key is sent; true by default. */
  readonly sendKey?: boolean | undefined;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

type Action = 'deploy' | 'restore';

/** What the receiver was sent last. It is the memory of the target. */
interface Delivery {
  readonly id: string;
  readonly action: Action;
  readonly serialNumber: string;
  /** Whether the receiver has answered that it is done. */
  readonly isDone: boolean;
}

/** A key of HMAC-SHA256 has at least this many bytes. Standard Webhooks, "Signature scheme" */
const shortestKey = 24;

/**
 * Deploys certificates by a POST to a program, which answers with a status from 200 to 299 when the
 * certificate is in use. To put the former certificate back, it is sent that one.
 * @see https://www.standardwebhooks.com
 * @throws RangeError for a URL that is not valid, or would send keys in clear text
 */
export function webhook(options: WebhookOptions): DeployTarget {
  const send = sender(options);
  return {
    name: 'webhook',
    async stage(bundle, { former, memory }) {
      const last = await lastDelivery(memory);
      // A process that ended too early may have sent it.
      let isTouched = last?.action === 'deploy' && last.serialNumber === bundle.serialNumber;
      return {
        async apply({ signal }) {
          isTouched = true;
          await deliver('deploy', bundle, { memory, send, signal });
        },
        async rollBack({ signal }) {
          if (isTouched && !former)
            throw new DeployError(
              'ERR_DEPLOY_ROLL_BACK',
              'webhook: there is not a former certificate to send: look at what the receiver uses',
            );
          if (isTouched && former) await deliver('restore', former, { memory, send, signal });
          return { serialNumber: former?.serialNumber };
        },
      };
    },
  };
}

type Send = (
  message: { readonly id: string; readonly action: Action; readonly bundle: CompleteBundle },
  call: TargetCallOptions,
) => Promise<void>;

function sender(options: WebhookOptions): Send {
  const { url, secret, token, sendKey = true, fetch, clock = systemClock } = options;
  const { base, path } = addressOf(url);
  const api = targetApi({
    target: 'webhook',
    baseUrl: base,
    headers: async (): Promise<Readonly<Record<string, string>>> =>
      token ? { authorization: `Bearer ${(await token()).trim()}` } : {},
    clock,
    ...(fetch ? { fetch } : {}),
  });
  return async ({ id, action, bundle }, { signal }) => {
    const body = contentOf(action, bundle, sendKey);
    const key = secret && keyOf(await readCredential('webhook', 'the secret', secret));
    const signed = webhookHeaders(id, JSON.stringify(body), { at: clock.now(), key });
    const headers = { 'idempotency-key': id, ...signed };
    await api({ method: 'POST', path, body, headers, json: false, signal });
  };
}

/** What is sent as JSON: the README has it. */
function contentOf(action: Action, bundle: CompleteBundle, sendKey: boolean) {
  const { second } = bundle;
  return {
    action,
    id: bundle.id,
    names: bundle.names,
    not_after: bundle.notAfter,
    ...textsOf(bundle, sendKey),
    ...(second ? { second: { algorithm: second.algorithm, ...textsOf(second, sendKey) } } : {}),
  };
}

function textsOf(bundle: CompleteBundle | SecondBundle, sendKey: boolean) {
  const { fullchain, certificate, chain } = filesOf(bundle);
  return {
    ...{ serial_number: bundle.serialNumber, fullchain, certificate, chain },
    ...(sendKey ? { private_key: bundle.privateKey } : {}),
  };
}

/**
 * Sends a certificate. What was sent before a process ended is sent again with its id, so that a
 * receiver can recognize it.
 */
async function deliver(
  action: Action,
  bundle: CompleteBundle,
  {
    memory,
    send,
    signal,
  }: TargetCallOptions & { readonly memory: TargetMemory; readonly send: Send },
): Promise<void> {
  const { serialNumber } = bundle;
  const last = await lastDelivery(memory);
  const isSame = last?.action === action && last.serialNumber === serialNumber && !last.isDone;
  const delivery = { id: isSame ? last.id : `msg_${randomUUID()}`, action, serialNumber };
  await memory.write(JSON.stringify({ ...delivery, isDone: false } satisfies Delivery));
  await send({ id: delivery.id, action, bundle }, { signal });
  await memory.write(JSON.stringify({ ...delivery, isDone: true } satisfies Delivery));
}

async function lastDelivery(memory: TargetMemory): Promise<Delivery | undefined> {
  const text = await memory.read();
  // Only `deliver` writes it.
  return text === undefined ? undefined : (JSON.parse(text) as Delivery);
}

/** @throws DeployError `ERR_DEPLOY_TARGET` for a secret that can be guessed */
function keyOf(secret: string): Buffer {
  const key = webhookKey(secret.trim());
  if (key.length >= shortestKey) return key;
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `webhook: the secret has less than ${shortestKey} bytes: make one with printf "whsec_%s" "$(openssl rand -base64 32)"`,
  );
}

function addressOf(url: string): { readonly base: string; readonly path: string } {
  const { origin, pathname, search, username, hash } = URL.canParse(url)
    ? new URL(url)
    : { origin: '', pathname: '', search: '', username: '', hash: '' };
  const checked = checkServerUrl(origin);
  if ('url' in checked && username === '' && hash === '')
    return { base: checked.url, path: `${pathname}${search}` };
  throw new RangeError(
    'fault' in checked && checked.fault === 'unencrypted'
      ? 'the private key would be sent in clear text: write a URL with https://'
      : 'the URL of the receiver is not valid: write it as https://receiver.example.com/path',
  );
}
