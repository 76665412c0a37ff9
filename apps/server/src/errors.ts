import { defineErrors, type ErrorTable } from '@acmex/errors';

/**
 * Every way in which the server refuses, beside what the CA, the storage and the certificates
 * themselves say. `exit` is the exit code of a program that cannot start for it, `http` the status
 * of the answer.
 */
export const serverErrors = {
  ERR_SERVER_UNAUTHENTICATED: {
    meaning: 'The request has no valid API key or token.',
    cure: 'Send a key as X-API-Key or Authorization: Bearer; acmex server key create makes one.',
    exit: 5,
    http: 401,
  },
  ERR_SERVER_FORBIDDEN: {
    meaning: 'The key may not do this.',
    cure: 'Use a key with the scope that the message names.',
    exit: 5,
    http: 403,
  },
  ERR_SERVER_NAMES: {
    meaning: 'The key or its tenant may not use a name, a CA, a DNS provider or a deploy target.',
    cure: "Use a key for these names, or have the tenant's table in acmex.toml extended; without tenants, server.deploy_targets.",
    exit: 5,
    http: 403,
  },
  ERR_SERVER_CSRF: {
    meaning: 'A request with the cookie of a session does not come from a page of the server.',
    cure: "Send the session's csrf as X-CSRF-Token, from a page of the same origin. A proxy must be in server.trusted_proxies, and send X-Forwarded-Proto and X-Forwarded-Host.",
    exit: 5,
    http: 403,
  },
  ERR_SERVER_CLEAR_SESSION: {
    meaning: 'A session cannot begin over http: its cookie could be read on its way.',
    cure: 'Sign in over https. A proxy that ends TLS must be in server.trusted_proxies, and send X-Forwarded-Proto.',
    exit: 5,
    http: 403,
  },
  ERR_SERVER_SIGN_IN_STATE: {
    meaning:
      'A sign-in at the provider did not begin in this browser, took longer than ten minutes, or is already used.',
    cure: 'Begin again on the sign-in page, in one tab.',
    exit: 5,
    http: 403,
  },
  ERR_SERVER_SIGN_IN_DENIED: {
    meaning: 'The provider, or the person there, denied the sign-in.',
    cure: 'Sign in again; if the provider denies it, ask its administrator for access.',
    exit: 5,
    http: 403,
  },
  ERR_SERVER_SIGN_IN_FAILED: {
    meaning: 'The answer of the provider to a sign-in cannot be used.',
    cure: "Read why in the server's log, and compare server.oidc with the client at the provider.",
    exit: 5,
    http: 502,
  },
  ERR_SERVER_SIGN_IN_RIGHTS: {
    meaning: 'The provider knows the person, and its token gives them no rights here.',
    cure: 'Have the provider put the tenant and the scopes into the claims that server.oidc names.',
    exit: 5,
    http: 403,
  },
  ERR_SERVER_WIDER_KEY: {
    meaning: 'A key would get more rights than the one that makes or changes it.',
    cure: 'Ask for scopes, names and an end within those of your own key.',
    exit: 5,
    http: 403,
  },
  ERR_SERVER_THROTTLED: {
    meaning: 'Too many requests failed to prove who they are.',
    cure: 'Send a valid key, which is always admitted, or wait as long as Retry-After says.',
    exit: 7,
    http: 429,
  },
  ERR_SERVER_QUOTA: {
    meaning: 'The tenant has as much as it may have.',
    cure: "Remove certificates that are not needed, come back later, or have the tenant's limit in acmex.toml raised.",
    exit: 7,
    http: 429,
  },
  ERR_SERVER_BUSY: {
    meaning:
      'As many requests wait for certificates, watch orders or check certificates and orders as a tenant may have.',
    cure: 'Come back after Retry-After seconds, or read without waiting.',
    exit: 4,
    http: 503,
  },
  ERR_SERVER_NOT_FOUND: {
    meaning: 'There is nothing at this address.',
    cure: 'Check the path and the id; /docs lists every route.',
    exit: 2,
    http: 404,
  },
  ERR_SERVER_REQUEST: {
    meaning: 'The path, the query or a header of the request is wrong.',
    cure: 'Correct what the errors of the answer name.',
    exit: 2,
    http: 400,
  },
  ERR_SERVER_JSON: {
    meaning: 'The body is not valid JSON.',
    cure: 'Send JSON, as Content-Type: application/json.',
    exit: 2,
    http: 400,
  },
  ERR_SERVER_BODY: {
    meaning: 'The body does not say what this route takes.',
    cure: 'Correct each field that the errors of the answer point to.',
    exit: 2,
    http: 422,
  },
  ERR_SERVER_TOO_LARGE: {
    meaning: 'The request is larger than the server takes.',
    cure: 'Send less: a body may have 64 KiB.',
    exit: 2,
    http: 413,
  },
  ERR_SERVER_MEDIA_TYPE: {
    meaning: 'The body is not of a type that the server takes.',
    cure: 'Send JSON, as Content-Type: application/json.',
    exit: 2,
    http: 415,
  },
  ERR_SERVER_HOST: {
    meaning: 'The server does not answer under this name.',
    cure: 'Add the name to server.hosts in acmex.toml.',
    exit: 2,
    http: 421,
  },
  ERR_SERVER_IDEMPOTENCY: {
    meaning: 'The Idempotency-Key was used for another request.',
    cure: 'Use a new key for each thing that you want done.',
    exit: 2,
    http: 422,
  },
  ERR_SERVER_SECRET_ONCE: {
    meaning: 'The request was done before, and its answer held a secret that is shown once.',
    cure: 'Rotate the key, or make another.',
    exit: 2,
    http: 409,
  },
  ERR_SERVER_CONFLICT: {
    meaning: 'Someone else changed the same thing at the same moment.',
    cure: 'Read it again, then repeat the request.',
    exit: 1,
    http: 409,
  },
  ERR_SERVER_SIGNATURE: {
    meaning: "The webhook's signature is not of a sender that is configured.",
    cure: "Check the secret in server.webhooks, and the sender's clock.",
    exit: 5,
    http: 401,
  },
  ERR_SERVER_UNAVAILABLE: {
    meaning: 'The server cannot reach its storage, or is stopping.',
    cure: 'Try again later.',
    exit: 3,
    http: 503,
  },
  ERR_SERVER_INTERNAL: {
    meaning: 'The server has a fault.',
    cure: "Look for the instance of the answer in the server's log, and report it.",
    exit: 1,
    http: 500,
  },
  ERR_SERVER_EXPOSED: {
    meaning: 'Other machines could reach the server without encryption.',
    cure: 'Configure server.tls, or server.trusted_proxies where a proxy ends TLS, or listen on 127.0.0.1.',
    exit: 2,
    http: 500,
  },
  ERR_SERVER_API_KEY: {
    meaning: 'A configured API key could be guessed.',
    cure: 'Make one: openssl rand -hex 32.',
    exit: 2,
    http: 500,
  },
  ERR_SERVER_WEBHOOK_SECRET: {
    meaning: 'The secret of a webhook sender could be guessed.',
    cure: 'Make one: printf "whsec_%s" "$(openssl rand -base64 32)". Use the same at the sender.',
    exit: 2,
    http: 500,
  },
  ERR_SERVER_LISTEN: {
    meaning: 'The server cannot listen where it should.',
    cure: 'Stop the other program, or change server.listen_addr.',
    exit: 3,
    http: 500,
  },
  ERR_SERVER_TLS: {
    meaning: "The server's own certificate cannot be used.",
    cure: 'Check the files of server.tls, or the name of server.tls.managed.',
    exit: 3,
    http: 500,
  },
  ERR_SERVER_ROLE: {
    meaning: 'The process cannot work in this role.',
    cure: 'Give the Redis that the processes share: ACMEX_REDIS_URL, or redis in acmex.toml.',
    exit: 2,
    http: 500,
  },
  ERR_SERVER_CLEAR_KEYS: {
    meaning: 'Private keys would be stored in Redis unencrypted.',
    cure: 'Make a key with acmex storage new-key, and give it as ACMEX_STORAGE_ENCRYPTION_KEY or its _FILE.',
    exit: 2,
    http: 500,
  },
  ERR_SERVER_PACKAGE: {
    meaning: 'The configuration asks for a part that is not installed.',
    cure: 'Run the npm install that the message names.',
    exit: 2,
    http: 500,
  },
  ERR_SERVER_TENANT: {
    meaning: 'There is no such tenant.',
    cure: 'Name one of the tenants of acmex.toml.',
    exit: 2,
    http: 422,
  },
} as const satisfies ErrorTable<'SERVER'>;

export type ServerErrorCode = keyof typeof serverErrors;

/** A field that is wrong: `pointer` into the body (RFC 6901), or the name of a parameter. */
export interface FieldError {
  readonly pointer?: string;
  readonly parameter?: string;
  readonly detail: string;
}

export interface ServerErrorOptions extends ErrorOptions {
  readonly errors?: readonly FieldError[] | undefined;
  /** Seconds until it is worth another try. */
  readonly retryAfter?: number | undefined;
}

/** A refusal. Tell kinds apart by `code`. */
export class ServerError extends defineErrors('Server', serverErrors) {
  readonly errors: readonly FieldError[];
  readonly retryAfter: number | undefined;

  constructor(
    code: ServerErrorCode,
    message: string,
    { errors = [], retryAfter, ...options }: ServerErrorOptions = {},
  ) {
    super(code, message, options);
    this.errors = errors;
    this.retryAfter = retryAfter;
  }
}
