import { defineErrors, type ErrorTable } from '@acmex/errors';

/** Every way in which a probe can fail. */
export const probeErrors = {
  ERR_PROBE_RESOLVE: {
    meaning: 'The host has no address, or the look-up failed.',
    cure: 'Check the name, its A and AAAA records, and the resolver.',
    exit: 4,
    http: 502,
  },
  ERR_PROBE_ADDRESS: {
    meaning: 'The host has no address that may be reached.',
    cure: 'Use a public host, or allow its range in the address policy.',
    exit: 2,
    http: 422,
  },
  ERR_PROBE_REFUSED: {
    meaning: 'The connection was refused: nothing listens on the port.',
    cure: 'Start the server, or use the port on which it listens.',
    exit: 4,
    http: 502,
  },
  ERR_PROBE_UNREACHABLE: {
    meaning: 'There is no connection to the address.',
    cure: 'Check the route and the firewalls between.',
    exit: 4,
    http: 502,
  },
  ERR_PROBE_TIME: {
    meaning: 'The server did not answer in time.',
    cure: 'Check the server and the firewalls between, or permit more time.',
    exit: 4,
    http: 504,
  },
  ERR_PROBE_STARTTLS: {
    meaning: 'The server refused STARTTLS, or speaks a different protocol.',
    cure: 'Use the protocol that the server speaks, and enable TLS in its configuration.',
    exit: 4,
    http: 502,
  },
  ERR_PROBE_TLS: {
    meaning: 'The server does not speak TLS on this port.',
    cure: 'Use its TLS port, or STARTTLS with its protocol.',
    exit: 4,
    http: 502,
  },
  ERR_PROBE_HANDSHAKE: {
    meaning: 'The server speaks TLS, but the handshake failed.',
    cure: 'Check that the server has a certificate for the name, and permits TLS 1.2 or 1.3.',
    exit: 4,
    http: 502,
  },
  ERR_PROBE_CLOSED: {
    meaning: 'The server closed the connection before the handshake was complete.',
    cure: "Check the server's log, and what is between: a proxy or a limit of connections.",
    exit: 4,
    http: 502,
  },
  ERR_PROBE_TOO_LARGE: {
    meaning: 'The server sent more than a handshake needs.',
    cure: 'Check the chain that the server is configured with.',
    exit: 4,
    http: 502,
  },
} as const satisfies ErrorTable<'PROBE'>;

export type ProbeErrorCode = keyof typeof probeErrors;

/** A failure of a probe. Compare codes, not classes. Text of the server in it is escaped. */
export class ProbeError extends defineErrors('Probe', probeErrors) {}
