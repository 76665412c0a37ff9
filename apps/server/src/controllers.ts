import { Accounts } from './accounts/accounts.ts';
import { Agents } from './agents/agents.ts';
import { Documentation } from './around/documentation.ts';
import { Events } from './around/events.ts';
import { Health } from './around/health.ts';
import { Metrics } from './around/metrics.ts';
import { Queue } from './around/queue.ts';
import { WebhookReceiver } from './around/webhook.ts';
import { Certificates } from './certificates/certificates.ts';
import { Keys } from './keys/keys.ts';
import { Orders } from './orders/orders.ts';

/** Everything that answers. */
export const controllers = [
  Accounts,
  Orders,
  Certificates,
  Agents,
  Keys,
  Queue,
  Events,
  WebhookReceiver,
  Health,
  Metrics,
  Documentation,
] as const;

/** What answers in a process that serves no API. */
export const workerControllers = [Health, Metrics] as const;
