import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock, systemClock } from '@acmex/clock';
import { type Config, type ConfigValues, openNetwork, parseSyslogUrl } from '@acmex/config';
import { webhookKey } from '@acmex/egress/standard-webhooks';
import { webhookSender } from '@acmex/notifications';
import {
  appendCheckpoint,
  type CheckpointDestination,
  readCheckpoint,
} from '@acmex/observability/audit';
import { syslogSender } from './syslog.ts';

type AuditValues = ConfigValues['audit'];

export interface CheckpointDestinationOptions {
  /** Proxies and roots of the environment: `process.env` of an application. */
  readonly environment: NodeJS.ProcessEnv;
  readonly clock?: Clock | undefined;
}

/**
 * Returns where checkpoints are sent, as `[audit]` describes it.
 * @throws ConfigError `ERR_CONFIG_NETWORK`; EgressError `ERR_EGRESS_POLICY`
 */
export async function checkpointDestinations(
  config: Pick<Config, 'values'>,
  { environment, clock = systemClock }: CheckpointDestinationOptions,
): Promise<readonly CheckpointDestination[]> {
  const {
    checkpoint_file: file,
    checkpoint_syslog: syslog,
    checkpoint_webhook: webhook,
  } = config.values.audit;
  const isRemote = syslog !== undefined || webhook !== undefined;
  const ca = isRemote ? (await openNetwork(config, { environment })).roots : [];
  const server = syslog === undefined ? undefined : parseSyslogUrl(syslog);
  return [
    ...(file === undefined ? [] : [fileDestination(file)]),
    ...(server
      ? [syslogDestination(syslogSender({ ...server, hostname: hostname(), ca, clock }))]
      : []),
    ...(webhook ? [webhookDestination(webhook, { ca, clock })] : []),
  ];
}

function fileDestination(path: string): CheckpointDestination {
  return {
    name: 'file',
    async send(checkpoint) {
      await appendCheckpoint(path, checkpoint);
    },
  };
}

function syslogDestination(send: ReturnType<typeof syslogSender>): CheckpointDestination {
  return {
    name: 'syslog',
    async send({ jws }, options) {
      await send({ id: 'checkpoint', text: jws }, options);
    },
  };
}

function webhookDestination(
  {
    url,
    secret,
    auth_token: token,
    allow,
    allow_http: allowsHttp,
  }: NonNullable<AuditValues['checkpoint_webhook']>,
  { ca, clock }: { readonly ca: readonly string[]; readonly clock: Clock },
): CheckpointDestination {
  const sender = webhookSender({
    url: async () => (await url.reveal()).trim(),
    key: secret && (async () => webhookKey((await secret.reveal()).trim())),
    token: token && (async () => (await token.reveal()).trim()),
    allow,
    schemes: allowsHttp ? 'http-and-https' : 'https',
    ca,
    clock,
  });
  return {
    name: 'webhook',
    async send({ number, jws }, options) {
      const { checkpoint } = await readCheckpoint(jws);
      const data = { number, checkpoint: jws };
      const body = JSON.stringify({ type: 'audit_checkpoint', timestamp: checkpoint.time, data });
      const id = `msg_${createHash('sha256').update(jws).digest('hex').slice(0, 32)}`;
      await sender.send({ id, body: () => body, contentType: 'application/json' }, options);
    },
  };
}
