import { defineErrors, type ErrorTable } from '@acmex/errors';

/** The errors of an agent. `exit` is the exit code of a program that ends with one. */
export const agentErrors = {
  ERR_AGENT_OPTION: {
    meaning: 'An option of the agent is not valid.',
    cure: 'The message says which values it takes.',
    exit: 2,
    http: 422,
  },
  ERR_AGENT_DIRECTORY: {
    meaning: "The agent's directory cannot be read or written.",
    cure: 'Check the path and its permissions.',
    exit: 3,
    http: 500,
  },
  ERR_AGENT_SERVER_UNREACHABLE: {
    meaning: 'No AcmeX server can be reached, or none is working.',
    cure: "Check the URLs, the network and the servers' logs; the files stay as they are.",
    exit: 4,
    http: 502,
  },
  ERR_AGENT_SERVER_ANSWER: {
    meaning: 'The response is not from an AcmeX server.',
    cure: 'Use the URL without a path, as https://acmex.example.',
    exit: 4,
    http: 502,
  },
  ERR_AGENT_SERVER_REFUSED: {
    meaning: 'The AcmeX server refused the API key or the request.',
    cure: 'Use a key with the scopes and names in the message.',
    exit: 5,
    http: 403,
  },
  ERR_AGENT_SERVER_BUSY: {
    meaning: 'The AcmeX server accepts no more requests for now.',
    cure: 'Try again later.',
    exit: 7,
    http: 429,
  },
  ERR_AGENT_NO_CERTIFICATE: {
    meaning:
      'A certificate does not exist on the server, is not issued yet, or is not permitted to this key.',
    cure: 'Check the name or id, and the names of the key.',
    exit: 5,
    http: 404,
  },
} as const satisfies ErrorTable<'AGENT'>;

export type AgentErrorCode = keyof typeof agentErrors;

/** A failure of the agent. Compare by `code`. */
export class AgentError extends defineErrors('Agent', agentErrors) {}

/** A failure of a request to the AcmeX servers. */
export class ApiError extends AgentError {
  constructor(
    code: AgentErrorCode,
    message: string,
    {
      serverCode,
      retryAfterMs,
      ...options
    }: ErrorOptions & {
      readonly serverCode?: string | undefined;
      readonly retryAfterMs?: number | undefined;
    } = {},
  ) {
    super(code, message, options);
    this.serverCode = serverCode;
    this.retryAfterMs = retryAfterMs;
  }

  /** The code of the server's problem document. */
  readonly serverCode: string | undefined;
  /** Milliseconds after which the server accepts requests again, where it says so. */
  readonly retryAfterMs: number | undefined;
}
