import { defineErrors, type ErrorTable } from '@acmex/errors';

/** The errors of this package. */
export const httpsErrors = {
  ERR_HTTPS_OPTION: {
    meaning: 'An option of autocert is missing or not valid.',
    cure: 'Correct the option that the message names.',
    exit: 2,
    http: 422,
  },
  ERR_HTTPS_NOT_SERVED: {
    meaning: 'The program does not answer the challenge on the port that the CA asks.',
    cure: 'Listen with `listen`, or with `options` on the port of `ports.https` and `http` on that of `ports.http`.',
    exit: 6,
    http: 503,
    fixedBy: 'time',
  },
  ERR_HTTPS_LISTEN: {
    meaning: 'A port cannot be listened on.',
    cure: 'Stop the program that listens there, choose another port, or run with the right to listen on ports below 1024.',
    exit: 3,
    http: 500,
  },
  ERR_HTTPS_NOT_RENEWED: {
    meaning: 'A certificate ends soon or has ended, because it is not renewed. It is served on.',
    cure: 'Remove the cause that the message names; `status()` has it too. The renewal is tried again by itself.',
    exit: 5,
    http: 503,
    fixedBy: 'time',
  },
  ERR_HTTPS_CLOSED: {
    meaning: 'The program has closed what `ready` waits for.',
    cure: 'Wait for certificates only until you dispose of what `autocert` returns.',
    exit: 1,
    http: 500,
  },
  ERR_HTTPS_NOT_PERMITTED: {
    meaning: 'A client has asked for a name for which no certificate may be obtained.',
    cure: 'Add the name to `names`, or let `allow` permit it.',
    exit: 5,
    http: 403,
  },
  ERR_HTTPS_TIMEOUT: {
    meaning: 'The answer of `allow`, or a certificate that a client waits for, took too long.',
    cure: 'Let `allow` answer sooner, or see in the events of `error` why the order is not done.',
    exit: 5,
    http: 504,
    fixedBy: 'time',
  },
  ERR_HTTPS_NOT_ISSUED: {
    meaning:
      'The order of a certificate that a client asks for has failed, and is tried again later.',
    cure: 'See the reason in the message. The order is tried again by itself.',
    exit: 5,
    http: 503,
    fixedBy: 'time',
  },
  ERR_HTTPS_DAMAGED: {
    meaning: 'A stored certificate or its key cannot be used.',
    cure: 'A new certificate is ordered by itself. Find out what has changed the storage.',
    exit: 3,
    http: 500,
  },
  ERR_HTTPS_NOT_STAPLED: {
    meaning:
      'The OCSP responder of a certificate gives no response that can be stapled. The certificate is served without one.',
    cure: 'See the reason in the message; for a responder at a private address, set `allowResponders`. The responder is asked again by itself.',
    exit: 5,
    http: 503,
    fixedBy: 'time',
  },
  ERR_HTTPS_REVOKED: {
    meaning: 'The CA has revoked a certificate that is served.',
    cure: 'Find out why it was revoked, and replace it: `status()` shows its names and serial number.',
    exit: 5,
    http: 503,
  },
  ERR_HTTPS_LIMIT: {
    meaning: 'Too many certificates were asked for at once.',
    cure: 'Wait, or raise `onDemandLimits`.',
    exit: 7,
    http: 429,
    fixedBy: 'time',
  },
} as const satisfies ErrorTable<'HTTPS'>;

export type HttpsErrorCode = keyof typeof httpsErrors;

/** A failure of this package. Compare codes, not classes. */
export class HttpsError extends defineErrors('Https', httpsErrors) {}
