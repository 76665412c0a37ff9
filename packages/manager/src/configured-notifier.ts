import type { Clock } from '@acmex/clock';
import { type Config, type ConfigValues, type Fault, faultText } from '@acmex/config';
import { webhookKey } from '@acmex/egress/standard-webhooks';
import {
  email,
  type Format,
  Notifier,
  NotificationsError,
  type NotifierOptions,
  type Receiver,
  templateProblem,
  webhook,
  webhookFormats,
} from '@acmex/notifications';
import type { Network } from '@acmex/protocol/node';
import type { Storage } from '@acmex/storage';

export interface ConfiguredNotifierOptions {
  readonly storage: Storage;
  /** The tenant whose storage it is; the server without tenants has `default`. */
  readonly tenant?: string | undefined;
  readonly network?: Network | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly onAttempt?: NotifierOptions['onAttempt'];
  readonly clock?: Clock | undefined;
}

/**
 * Returns what notifies the receivers of `[notifications]`.
 * @throws NotificationsError `ERR_NOTIFICATIONS_TEMPLATE`; EgressError `ERR_EGRESS_POLICY`
 */
export function configuredNotifier(
  config: Pick<Config, 'values' | 'originOf'>,
  { tenant, network, ...options }: ConfiguredNotifierOptions,
): Notifier {
  const [fault] = templateFaults(config);
  if (fault) throw new NotificationsError('ERR_NOTIFICATIONS_TEMPLATE', faultText(fault));
  const { values } = config;
  const { webhooks, email: mails, allow, summary } = values.notifications;
  const { summary_day: day, summary_hour: hour } = values.notifications;
  const reach = { allow, roots: network?.roots ?? [], clock: options.clock };
  const isFor = ({ tenants }: { readonly tenants: readonly string[] }) =>
    tenants.length === 0 || tenants.includes(tenant ?? 'default');
  const receivers = [
    ...webhooks.filter(isFor).map((description) => webhookReceiver(description, reach)),
    ...mails.filter(isFor).map((description) => mailReceiver(description, reach)),
  ];
  const hasTenants = Object.keys(values.tenants).length > 0;
  return new Notifier({
    ...options,
    receivers: withDistinctNames(receivers),
    tenant: hasTenants ? tenant : undefined,
    summary: summary === 'weekly' ? { day, hour } : undefined,
  });
}

/** Returns the templates of webhooks that cannot be used, each with its file and key. */
export function templateFaults({
  values,
  originOf,
}: Pick<Config, 'values' | 'originOf'>): readonly Fault[] {
  return values.notifications.webhooks.flatMap((description, index) => {
    const { format, template, content_type: contentType } = description;
    const refusal = format === 'custom' ? templateProblem({ template, contentType }) : undefined;
    if (!refusal) return [];
    const key = refusal.option === 'template' ? 'template' : 'content_type';
    return {
      key: `notifications.webhooks[${index}].${key}`,
      origin: originOf(['notifications', 'webhooks', index, key]),
      problem: refusal.problem,
      cure: refusal.cure,
    };
  });
}

type Descriptions = ConfigValues['notifications'];

/** How receivers are reached. */
interface Reach {
  readonly allow: readonly string[];
  readonly roots: readonly string[];
  readonly clock: Clock | undefined;
}

function webhookReceiver(
  description: Descriptions['webhooks'][number],
  { allow, roots, clock }: Reach,
): Receiver {
  const { name, events, names, labels, url, template, secret } = description;
  const format: Format = webhookFormats[description.format]({
    template,
    contentType: description.content_type,
    chatId: description.chat_id,
  });
  return {
    name,
    events,
    names,
    labels,
    reportAbove: format.isForOneEvent ? Infinity : undefined,
    channel: webhook({
      url: trimmed(url.reveal),
      format,
      key: secret && (async () => webhookKey(await trimmed(secret.reveal)())),
      token: description.auth_token && trimmed(description.auth_token.reveal),
      limit: { seconds: description.timeout_secs },
      allow,
      schemes: description.allow_http ? 'http-and-https' : 'https',
      ca: roots,
      clock,
    }),
  };
}

function mailReceiver(
  description: Descriptions['email'][number],
  { allow, roots, clock }: Reach,
): Receiver {
  const { name, events, names, labels, username, password } = description;
  const login =
    username === undefined || !password
      ? undefined
      : { username, password: trimmed(password.reveal) };
  return {
    name,
    events,
    names,
    labels,
    channel: email({
      host: description.smtp_host,
      port: description.smtp_port,
      tls: description.tls,
      login,
      from: withoutScheme(description.from),
      to: description.to.map(withoutScheme),
      limit: { seconds: description.timeout_secs },
      allow,
      ca: roots,
      clock,
    }),
  };
}

/** An address may be written as the CA's contact is. */
function withoutScheme(address: string): string {
  return address.replace(/^mailto:/, '');
}

/** A credential in a file ends with a line break. */
function trimmed(reveal: () => Promise<string>): () => Promise<string> {
  return async () => (await reveal()).trim();
}

/** Numbers the receivers whose names are not the first of their kind: a name names a queue. */
function withDistinctNames(receivers: readonly Receiver[]): readonly Receiver[] {
  const used = new Set<string>();
  return receivers.map((receiver) => {
    let { name } = receiver;
    for (let number = 2; used.has(name); number += 1) name = `${receiver.name}-${number}`;
    used.add(name);
    return { ...receiver, name };
  });
}
