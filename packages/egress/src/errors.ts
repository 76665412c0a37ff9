import { defineErrors, type ErrorTable } from '@acmex/errors';

/**
 * Every way in which reaching out can fail. `exit` is the exit code of a program that ends with it,
 * `http` the status of a service that passes it on.
 */
export const egressErrors = {
  ERR_EGRESS_URL: {
    meaning: 'The URL is malformed, or of a scheme or port that is not permitted.',
    cure: 'Write an absolute URL without user name, of a scheme and port that the message names.',
    exit: 2,
    http: 422,
  },
  ERR_EGRESS_REQUEST: {
    meaning: 'The request cannot be sent as it is.',
    cure: 'Correct the header that the message names.',
    exit: 2,
    http: 422,
  },
  ERR_EGRESS_POLICY: {
    meaning: 'A range of addresses to allow or deny cannot be used.',
    cure: 'Write an address, or a range such as 10.0.0.0/8 that is inside one special range.',
    exit: 2,
    http: 422,
  },
  ERR_EGRESS_ADDRESS: {
    meaning: 'The host has no address that may be reached.',
    cure: 'Give a public host, or allow its range in the address policy.',
    exit: 2,
    http: 422,
  },
  ERR_EGRESS_RESOLVE: {
    meaning: 'The host has no address, or the look-up failed.',
    cure: 'Check the name, its A and AAAA records, and the resolver.',
    exit: 4,
    http: 502,
  },
  ERR_EGRESS_CONNECT: {
    meaning: 'No connection to any address of the host.',
    cure: 'Check that something listens there, and the firewalls between.',
    exit: 4,
    http: 502,
  },
  ERR_EGRESS_TLS: {
    meaning: 'No TLS connection to the host.',
    cure: 'Check its certificate, and that it speaks TLS 1.2 or later.',
    exit: 4,
    http: 502,
  },
  ERR_EGRESS_ANSWER: {
    meaning: 'The host did not answer with HTTP.',
    cure: 'Check what listens there.',
    exit: 4,
    http: 502,
  },
  ERR_EGRESS_REDIRECTS: {
    meaning: 'The host redirects too often, or to nowhere.',
    cure: 'Give the URL that it redirects to in the end.',
    exit: 4,
    http: 502,
  },
  ERR_EGRESS_TOO_LARGE: {
    meaning: 'The answer is larger than permitted.',
    cure: 'Check what the URL serves.',
    exit: 4,
    http: 502,
  },
  ERR_EGRESS_TIME: {
    meaning: 'The host did not answer in time.',
    cure: 'Check the host, or permit more time.',
    exit: 4,
    http: 504,
  },
} as const satisfies ErrorTable<'EGRESS'>;

export type EgressErrorCode = keyof typeof egressErrors;

/**
 * A failure to reach out. Tell kinds apart by `code`. The message names the host, never the path,
 * which may be a secret, and nothing of an answer.
 */
export class EgressError extends defineErrors('Egress', egressErrors) {}
