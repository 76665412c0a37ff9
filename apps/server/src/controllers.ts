import { Accounts } from './accounts/accounts.ts';
import { Agents } from './agents/agents.ts';
import { AuditLog } from './audit/audit-log.ts';
import { AuthorityCertificates } from './authority/authority-certificates.ts';
import { CertificateAuthority } from './authority/certificate-authority.ts';
import { ExternalAccounts } from './authority/external-accounts.ts';
import { Calendar } from './calendar/calendar.ts';
import { CalendarTokens } from './calendar/calendar-tokens.ts';
import { Deliveries } from './deliveries/deliveries.ts';
import { DnsProviders } from './dns-providers/dns-providers.ts';
import { Documentation } from './docs/documentation.ts';
import { Events } from './events/events.ts';
import { Health } from './health/health.ts';
import { Issuers } from './issuers/issuers.ts';
import { MetricsEndpoint } from './metrics/metrics.ts';
import { Queue } from './queue/queue.ts';
import { WebhookReceiver } from './webhooks/webhook-receiver.ts';
import { Certificates } from './certificates/certificates.ts';
import { Downloads } from './certificates/downloads.ts';
import { CertificateDetails } from './certificates/details.ts';
import { CertificateActions } from './certificates/actions.ts';
import { CertificateStatuses } from './certificates/status.ts';
import { Summary } from './certificates/summary.ts';
import { Timeline } from './certificates/timeline.ts';
import { Keys } from './keys/keys.ts';
import { OidcSignIns } from './sessions/oidc-sign-in.ts';
import { Sessions } from './sessions/sessions.ts';
import { OrderCheck } from './orders/order-check.ts';
import { Orders } from './orders/orders.ts';
import { RecordCheck } from './orders/record-check.ts';
import { Templates } from './templates/templates.ts';

/** Everything that answers. */
export const controllers = [
  Accounts,
  Orders,
  OrderCheck,
  RecordCheck,
  Certificates,
  CertificateActions,
  Summary,
  Templates,
  Issuers,
  DnsProviders,
  Downloads,
  CertificateDetails,
  CertificateStatuses,
  Timeline,
  Calendar,
  CalendarTokens,
  Agents,
  CertificateAuthority,
  AuthorityCertificates,
  ExternalAccounts,
  Keys,
  Sessions,
  OidcSignIns,
  Queue,
  Deliveries,
  Events,
  AuditLog,
  WebhookReceiver,
  Health,
  MetricsEndpoint,
  Documentation,
] as const;

/** The controllers of a process that serves no API. */
export const workerControllers = [Health, MetricsEndpoint] as const;
