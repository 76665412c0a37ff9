import * as z from 'zod';
import { scopeMeanings } from '../access/scopes.ts';
import type { AnswerDescription, EndpointDescription } from './endpoint.ts';
import { problemSchema } from './problem.ts';

export type OpenApi = Readonly<Record<string, unknown>> & {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: { readonly 'application/json': { readonly schema: JsonSchema } };
  };
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly responses: Readonly<Record<string, unknown>>;
}
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The description of the API in OpenAPI 3.1, made from the routes themselves. */
export function openApi(endpoints: readonly EndpointDescription[], version: string): OpenApi {
  const schemas: Record<string, JsonSchema> = {};
  const paths: Record<string, Record<string, Operation>> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint, schemas) };
  }
  const problem = schemaOf(problemSchema, 'output', schemas);
  return {
    openapi: '3.1.0',
    info: {
      title: 'AcmeX',
      version,
      description:
        "A team's accounts, orders and certificates at ACME CAs. Errors are problem documents (RFC 9457) whose codes are stable.",
      license: { name: 'MIT OR Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: securityOf('GET'),
    paths,
    components: {
      schemas,
      responses: {
        Problem: {
          description: 'What went wrong.',
          content: { 'application/problem+json': { schema: problem } },
        },
      },
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'The same key, or a token of the configured OpenID Connect provider.',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-acmex',
          description:
            'The cookie of a session, which `POST /api/session` begins with a key. Its name is `acmex` over http on one machine. It has no effect beside a key or token.',
        },
        csrf: {
          type: 'apiKey',
          in: 'header',
          name: 'X-CSRF-Token',
          description:
            'Needed beside the cookie of a session where a request changes something: `csrf` of `GET /api/session`.',
        },
      },
    },
  };
}

/** Returns one of several credentials. OpenAPI 3.1, "Security Requirement Object" */
function securityOf(method: EndpointDescription['method']): NonNullable<Operation['security']> {
  const session: Readonly<Record<string, readonly string[]>> =
    method === 'GET' ? { session: [] } : { session: [], csrf: [] };
  return [...keys, session];
}

const keys = [{ apiKey: [] }, { bearer: [] }] as const;

function operation(
  { method, path, scope, identifies, ofSession, summary, ...described }: EndpointDescription,
  schemas: Record<string, JsonSchema>,
): Operation {
  const { params, query, body, answers } = described;
  const isOpen = scope === 'none' || scope === 'sender';
  const openSecurity = identifies ? [{}, ...keys] : [];
  const takesKey = method !== 'GET' && !isOpen && !ofSession;
  const header: Parameter = {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'The same key and request get the same answer for 24 hours, and are done once.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  };
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^a-zA-Z]+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    description:
      {
        none: identifies ? 'Needs no key; a valid key sees more.' : 'Needs no key.',
        any: 'Needs a key, of whatever scopes.',
        sender: 'Needs a signature of a configured sender.',
      }[scope as 'none' | 'any' | 'sender'] ??
      `Needs the scope \`${scope}\`: ${scopeMeanings[scope as keyof typeof scopeMeanings]}`,
    parameters: [
      ...parameters(params, 'path', schemas),
      ...parameters(query, 'query', schemas),
      ...(takesKey ? [header] : []),
    ],
    ...(body
      ? {
          requestBody: {
            required: !body.safeParse({}).success,
            content: { 'application/json': { schema: schemaOf(body, 'input', schemas) } },
          },
        }
      : {}),
    ...(isOpen ? { security: openSecurity } : {}),
    ...(!isOpen && method !== 'GET' ? { security: securityOf(method) } : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [status, response(answer, schemas)]),
      ),
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

function parameters(
  schema: z.ZodType | undefined,
  place: 'path' | 'query',
  schemas: Record<string, JsonSchema>,
): readonly Parameter[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input', schemas) as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(
    ([name, { description, ...parameterSchema }]): Parameter => ({
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(typeof description === 'string' ? { description } : {}),
      schema: parameterSchema,
    }),
  );
}

function response(
  { description, schema, contentType = 'application/json', headers = {} }: AnswerDescription,
  schemas: Record<string, JsonSchema>,
): object {
  const text = contentType === 'application/json' ? undefined : { type: 'string' };
  const body = schema ? schemaOf(schema, 'output', schemas) : text;
  const content = body && { [contentType]: { schema: body } };
  const all = Object.entries(headers).map(([name, meaning]) => [
    name,
    { description: meaning, schema: { type: 'string' } },
  ]);
  return {
    description,
    ...(content ? { content } : {}),
    ...(all.length > 0 ? { headers: Object.fromEntries(all) } : {}),
  };
}

/**
 * Schemas with an id are written once, and referred to. What answers is open: a later version may
 * say more.
 */
function schemaOf(
  schema: z.ZodType,
  io: 'input' | 'output',
  schemas: Record<string, JsonSchema>,
): JsonSchema {
  const whole = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => tidied(jsonSchema, io),
  }) as { readonly $defs?: Readonly<Record<string, JsonSchema>> } & JsonSchema;
  const moved = (value: JsonSchema, ...without: readonly string[]) =>
    JSON.parse(
      JSON.stringify(
        Object.fromEntries(Object.entries(value).filter(([name]) => !without.includes(name))),
      ).replaceAll('#/$defs/', '#/components/schemas/'),
    ) as JsonSchema;
  for (const [id, definition] of Object.entries(whole.$defs ?? {}))
    schemas[id] = moved(definition, 'id');
  const schemaItself = moved(whole, '$schema', '$defs', 'id');
  if (typeof whole.id !== 'string') return schemaItself;
  schemas[whole.id] = schemaItself;
  return { $ref: `#/components/schemas/${whole.id}` };
}

/** Without bounds that every number of JavaScript keeps, and with answers open to more. */
function tidied(schema: z.core.JSONSchema.BaseSchema, io: 'input' | 'output'): void {
  if (io === 'output' && schema.additionalProperties === false) delete schema.additionalProperties;
  if (schema.type !== 'integer') return;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}
