export interface SpanDescription {
  /** What the span is, as a sentence. */
  readonly meaning: string;
  /** The attributes that it can have; `error.type` is the code of an error. */
  readonly attributes: readonly string[];
}

/**
 * All spans, by their names. They have ids, codes and words of this software; no text from outside:
 * no domain names, URLs, messages, tokens or commands.
 */
export const spanTable = {
  request: {
    meaning:
      'A request to the REST API of acmex serve. It continues the `traceparent` of the caller.',
    attributes: ['http.request.method', 'http.route', 'http.response.status_code', 'error.type'],
  },
  command: {
    meaning: 'One run of acmex obtain.',
    attributes: ['acmex.command', 'error.type'],
  },
  task: {
    meaning: 'What is due for a certificate: its order, its renewal, its deployment.',
    attributes: ['acmex.certificate', 'error.type'],
  },
  issue: {
    meaning: 'One execution of an order. Its events are the steps of the order, as `ordered`.',
    attributes: ['acmex.issuer', 'error.type'],
  },
  'acme request': {
    meaning: 'One request to a CA, with what it was for and the problem type of a refusal.',
    attributes: ['acmex.issuer', 'acme.operation', 'acme.problem', 'http.response.status_code'],
  },
  dns: {
    meaning:
      'One call of a DNS provider: `append`, `remove`, `zones`, `zoneOf` or `tryCredentials`.',
    attributes: ['acmex.dns.provider', 'acmex.dns.operation', 'error.type'],
  },
  'storage write': {
    meaning:
      'One write to the storage inside another span. Reads have no spans: they are too many.',
    attributes: ['acmex.changes', 'error.type'],
  },
  deploy: {
    meaning:
      'Writes a certificate to its files, and runs the programs for this certificate; acmex agent on its host.',
    attributes: ['acmex.certificate', 'error.type'],
  },
  confirm: {
    meaning: 'Makes sure that a deployed certificate is in use.',
    attributes: ['acmex.certificate', 'error.type'],
  },
  validate: {
    meaning: 'One validation of a name by `acmex ca serve`.',
    attributes: ['acme.challenge', 'acme.problem', 'error.type'],
  },
} as const satisfies Readonly<Record<string, SpanDescription>>;

export type SpanName = keyof typeof spanTable;
/** The attributes of a span, except the code of its error. */
export type SpanAttributes<N extends SpanName> = Readonly<
  Partial<Record<(typeof spanTable)[N]['attributes'][number], string | number>>
>;
