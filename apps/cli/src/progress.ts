import { type IssuanceProgress, nameOf } from '@acmex/client';
import { systemClock } from '@acmex/clock';
import { errorText, printable } from '@acmex/errors';
import type { Fetch } from '@acmex/protocol';
import type { Reporter } from './terminal.ts';

/** Reports a step of an issuance. */
export function reportProgress(report: Reporter, progress: IssuanceProgress): void {
  const order = 'order' in progress ? printable(progress.order, 300) : '';
  const name = 'identifier' in progress ? printable(nameOf(progress), 255) : '';
  switch (progress.type) {
    case 'ordered':
    case 'resumed':
      return report.done(
        `order ${order} for ${progress.names} ${progress.names === 1 ? 'name' : 'names'}`,
      );
    case 'order-orphaned':
      return report.warn(
        'an earlier run was interrupted while it created an order: that order may stay unused at the CA until it expires',
      );
    case 'already-valid':
      return report.done(`${name}: already validated`);
    case 'presented':
      return report.working(`${name}: waiting until the ${progress.challenge} response is visible`);
    case 'visible':
      return report.debug(`${name}: ${progress.challenge} response visible`);
    case 'answered':
      report.done(`${name}: ${progress.challenge} response ready, validation requested`);
      return report.working('waiting for the CA to validate it');
    case 'validated':
      return report.done('all names are validated');
    case 'removed':
      return report.debug(`${name}: ${progress.challenge} response removed`);
    case 'left-on-display':
      if ('response' in progress) return report.warn(printable(errorText(progress.error), 2000));
      return report.warn(
        `${name}: the ${progress.challenge} response could not be removed: ${printable(String(progress.error))}`,
      );
    case 'finalized':
      return report.working('waiting for the certificate');
    case 'issued':
      return report.debug(`certificate of ${order} downloaded`);
  }
}

/** Keeps the list of challenge responses that are visible to others. */
export function trackDisplay(display: Set<string>, progress: IssuanceProgress): void {
  if (!('challenge' in progress)) return;
  const response = `the ${progress.challenge} response for ${printable(nameOf(progress), 255)}`;
  if (progress.type === 'presented') display.add(response);
  if (progress.type === 'removed') display.delete(response);
}

/**
 * Returns a fetch that reports each request at the level `debug`: its method, URL, status and
 * duration; never a body.
 */
export function loggingFetch(fetch: Fetch, report: Reporter): Fetch {
  return async (url, request) => {
    const start = systemClock.monotonic();
    const response = await fetch(url, request);
    report.debug(
      `${request.method} ${printable(url, 300)}: ${response.status} after ${Math.round(systemClock.monotonic() - start)} ms`,
    );
    return response;
  };
}
