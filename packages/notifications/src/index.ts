export { type Channel, type ChannelKind, type Receipt, type SendOptions } from './channel.ts';
export {
  type Delivery,
  type DeliveryFailure,
  type DeliveryPosition,
  type DeliveryRecord,
  type ListDeliveriesOptions,
} from './deliveries.ts';
export { email, type EmailOptions, type MailTls } from './email.ts';
export { NotificationsError, type NotificationsErrorCode, notificationsErrors } from './errors.ts';
export {
  type Format,
  type FormatOptions,
  templatePlaces,
  templateProblem,
  type TemplateProblem,
  type WebhookFormat,
  webhookFormats,
} from './formats.ts';
export { sendHeartbeat } from './heartbeat.ts';
export { type Notification, type Severity } from './notification.ts';
export { type CertificateProblem, type Summary, type SummaryEntry } from './summary.ts';
export { type WeeklyTime } from './weekly.ts';
export {
  type DeliveryAttempt,
  type Filter,
  Notifier,
  type NotifierOptions,
  type Receiver,
  type TestOptions,
  notificationSubscriber,
} from './notifier.ts';
export { type Credential, type ReceiverOptions } from './receiver-url.ts';
export {
  webhook,
  type WebhookMessage,
  type WebhookOptions,
  webhookSender,
  type WebhookSender,
  type WebhookSenderOptions,
} from './webhook.ts';
