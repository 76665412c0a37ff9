import type { Clock } from '@acmex/clock';
import type { Issuer } from '@acmex/orchestrator';
import type { AcmeExchange } from '@acmex/protocol';
import type { Storage } from '@acmex/storage';
import { caRequestMetrics } from './ca-request-metrics.ts';
import type { Metrics } from './metrics.ts';
import { codeLabel, orderMetrics } from './order-metrics.ts';
import { storageMetrics } from './storage-metrics.ts';

/** What watches HTTPS inside a program: the option `watch` of `autocert`. */
export interface HttpsWatch {
  /** Returns the storage to use instead of a storage. */
  watchStorage(storage: Storage): Storage;
  readonly onExchange: (exchange: AcmeExchange, issuer: string) => void;
  readonly watchIssuer: <I extends Issuer>(issuer: I) => I;
  /** Called with the error of each TLS handshake that fails, and without for each that succeeds. */
  readonly onHandshake: (error?: unknown) => void;
  /** Called for each new name that a client asks for, with the error of one that is not obtained. */
  readonly onNewName: (error?: unknown) => void;
}

/**
 * Adds the metrics of HTTPS inside a program: its handshakes, the names that clients ask for, its
 * orders, its requests to CAs and its storage.
 */
export function httpsMetrics(
  metrics: Metrics,
  options: { readonly clock?: Clock | undefined } = {},
): HttpsWatch {
  const handshakes = metrics.counter('tls_handshakes_total');
  const names = metrics.counter('new_names_total');
  const outcomeOf = (error: unknown) => (error === undefined ? 'succeeded' : codeLabel(error));
  return {
    watchStorage: storageMetrics(metrics, options),
    onExchange: caRequestMetrics(metrics),
    watchIssuer: orderMetrics(metrics, options),
    onHandshake: (error) => handshakes.inc({ outcome: outcomeOf(error) }),
    onNewName: (error) => names.inc({ outcome: outcomeOf(error) }),
  };
}
