import { webhookKey } from '@acmex/egress/standard-webhooks';
import type { Fault } from './fault.ts';
import type { Config } from './read-config.ts';
import { type KeyPath, pathText } from './settings.ts';

/** What is wrong with a credential that could be guessed. It quotes no part of it. */
export interface Weakness {
  readonly problem: string;
  readonly cure: string;
}

/** A key of HMAC-SHA256 has at least this many bytes. Standard Webhooks, "Signature scheme" */
const minWebhookKeyBytes = 24;

/** Returns what is wrong with the secret of a webhook sender; undefined where it is strong. */
export function webhookSecretWeakness(secret: string): Weakness | undefined {
  const key = webhookKey(secret);
  if (key.length >= minWebhookKeyBytes && new Set(key).size >= 8) return undefined;
  return {
    problem: `can be guessed: it has less than ${minWebhookKeyBytes} bytes, or repeats a few`,
    cure: 'make one with printf "whsec_%s" "$(openssl rand -base64 32)"',
  };
}

/** Sequences of keyboards, digits and letters, which people type. */
const sequences = [
  '0123456789abcdefghijklmnopqrstuvwxyz',
  '1234567890abcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
  'azertyuiopqsdfghjklmwxcvbn',
];
const steps: ReadonlySet<string> = new Set(
  sequences.flatMap((sequence) => [
    ...pairsOf(sequence, 1),
    ...pairsOf([...sequence].reverse().join(''), 1),
  ]),
);
/** Words of keys that documents, examples and the original of this software show to everybody. */
const knownWords =
  /secret-?admin-?key|admin|passw(or)?d|change-?me|example|secret|default|api-?key|letmein|acmex|dead-?beef|cafe-?babe/gi;

/**
 * Returns what is wrong with a configured API key; undefined where it is as hard to guess as 128
 * random bits. Parts that repeat, and words that everybody knows, count for nothing.
 */
export function apiKeyWeakness(key: string): Weakness | undefined {
  const text = key.replaceAll(knownWords, '');
  const core = withoutRepetition(text);
  const isStrong =
    bitsOf(text) >= 128 &&
    // Random text has a short repetition at times.
    bitsOf(core) >= 96 &&
    new Set(core).size >= 8 &&
    Math.max(predictableShare(core, 1), predictableShare(core, 2)) < 0.7;
  if (isStrong) return undefined;
  return {
    problem: 'can be guessed: it has less than 128 bits, repeats itself, or follows a sequence',
    cure: 'make one with openssl rand -hex 32',
  };
}

/** Removes each part of four characters or more that occurred before, forwards or backwards. */
function withoutRepetition(text: string): string {
  let core = '';
  for (let at = 0; at < text.length;) {
    const length = repeatedLength(text.toLowerCase(), at);
    if (length === 0) core += text[at];
    at += Math.max(1, length);
  }
  return core;
}

/** Returns how many characters from a place on occurred before it. */
function repeatedLength(text: string, at: number): number {
  const before = text.slice(0, at);
  const backwards = [...before].reverse().join('');
  let length = 0;
  for (let wanted = 4; at + wanted <= text.length; wanted += 1) {
    const part = text.slice(at, at + wanted);
    if (!before.includes(part) && !backwards.includes(part)) break;
    length = wanted;
  }
  return length;
}

/** Returns the bits of a text whose characters are random, of the kinds that it has. */
function bitsOf(text: string): number {
  const kinds = [
    [/[a-f]/, 6],
    [/[g-z]/, 20],
    [/[A-F]/, 6],
    [/[G-Z]/, 20],
    [/[0-9]/, 10],
    [/[^a-zA-Z0-9]/, 2],
  ] as const;
  const alphabet = kinds.reduce((sum, [pattern, size]) => sum + (pattern.test(text) ? size : 0), 0);
  return text.length * Math.log2(Math.max(alphabet, 1));
}

/**
 * Returns which share of the characters of a text repeats or continues a sequence from the
 * character that is `stride` before.
 */
function predictableShare(text: string, stride: number): number {
  const pairs = pairsOf(text.toLowerCase(), stride);
  const distances = pairs.map(
    ([first = '', second = '']) => parseInt(second, 36) - parseInt(first, 36),
  );
  const predictable = pairs.filter(
    (pair, index) =>
      pair[0] === pair[1] ||
      steps.has(pair) ||
      (stride === 1 && distances[index] === distances[index - 1]),
  );
  return predictable.length / Math.max(1, pairs.length);
}

function pairsOf(text: string, stride: number): readonly string[] {
  return [...text.slice(stride)].map((character, index) => `${text.charAt(index)}${character}`);
}

/**
 * Reads the API keys and webhook secrets of a configuration, except those that a program writes,
 * and returns those that could be guessed.
 */
export async function weakCredentials({ values, originOf }: Config): Promise<readonly Fault[]> {
  const { api_keys: keys, webhooks } = values.server;
  const { webhooks: receivers } = values.notifications;
  const checkpointSecret = values.audit.checkpoint_webhook?.secret;
  const rules = [
    ...keys.map((secret, index) => ({
      path: ['server', 'api_keys', index],
      secret,
      weakness: apiKeyWeakness,
    })),
    ...webhooks.map(({ secret }, index) => ({
      path: ['server', 'webhooks', index, 'secret'],
      secret,
      weakness: webhookSecretWeakness,
    })),
    ...(checkpointSecret
      ? [
          {
            path: ['audit', 'checkpoint_webhook', 'secret'],
            secret: checkpointSecret,
            weakness: webhookSecretWeakness,
          },
        ]
      : []),
    ...receivers.flatMap(({ secret }, index) =>
      secret
        ? {
            path: ['notifications', 'webhooks', index, 'secret'],
            secret,
            weakness: webhookSecretWeakness,
          }
        : [],
    ),
  ];
  const faults = await Promise.all(
    rules.map(async ({ path, secret, weakness }) => {
      // What cannot be read here, such as a file of the service's user, is checked at the start.
      const text = secret.isFromProgram ? undefined : await secret.reveal().catch(() => undefined);
      const weak = text === undefined ? undefined : weakness(text.trim());
      return weak && faultOf(path, weak, originOf);
    }),
  );
  return faults.filter((fault) => fault !== undefined);
}

function faultOf(path: KeyPath, weakness: Weakness, originOf: Config['originOf']): Fault {
  return { key: pathText(path), origin: originOf(path), ...weakness };
}
