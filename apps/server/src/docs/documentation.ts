import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { answer, type Answer, endpoint, Handles } from '../http/endpoint.ts';
import type { JsonSchema, OpenApi, Operation } from '../http/open-api.ts';

export const OPEN_API = Symbol('OpenAPI');

const json = endpoint({
  method: 'GET',
  path: '/openapi.json',
  scope: 'any',
  browser: true,
  summary: 'This API in OpenAPI 3.1',
  answers: { 200: { description: 'The description.', schema: z.record(z.string(), z.unknown()) } },
});
const page = endpoint({
  method: 'GET',
  path: '/docs',
  scope: 'any',
  browser: true,
  summary: 'This API for people',
  answers: { 200: { description: 'A page.', contentType: 'text/html; charset=utf-8' } },
});

/** The API's description, as a document and as a page that needs no script. */
@Injectable()
export class Documentation {
  readonly #openApi: OpenApi;
  #page: string | undefined;

  constructor(@Inject(OPEN_API) openApi: OpenApi) {
    this.#openApi = openApi;
  }

  @Handles(json)
  async json(): Promise<Answer> {
    return answer(200, this.#openApi);
  }

  @Handles(page)
  async page(): Promise<Answer> {
    this.#page ??= pageOf(this.#openApi);
    return answer(200, this.#page, { 'content-type': 'text/html; charset=utf-8' });
  }
}

function pageOf({ paths }: OpenApi): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      path,
      method: method.toUpperCase(),
      ...described,
    })),
  );
  const groups = [...new Set(operations.map(({ path }) => groupOf(path)))];
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>AcmeX API</title>
<style>
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 7%, transparent) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
nav { columns: 3 14rem } nav a, nav b { display: block }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0 } summary { cursor: pointer; padding: .5rem .8rem } details > div { padding: 0 .8rem .8rem; overflow-x: auto }
code, pre { font: .875rem/1.45 ui-monospace, monospace } pre { background: var(--soft); padding: .6rem; border-radius: .3rem; overflow-x: auto }
.method { display: inline-block; min-width: 4rem; font-weight: 600 } table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line) }
</style>
<h1>AcmeX API</h1>
<p>Send a key as <code>X-API-Key</code>, or as <code>Authorization: Bearer</code>. Errors are problem documents with a stable <code>code</code>. The whole description: <a href="/openapi.json">OpenAPI 3.1</a>.</p>
<nav>${groups.map((group) => `<a href="#${escaped(group)}">${escaped(group)}</a>`).join('')}</nav>
${groups
  .map(
    (group) =>
      `<h2 id="${escaped(group)}">${escaped(group)}</h2>\n${operations
        .filter(({ path }) => groupOf(path) === group)
        .map((described) => operation(described))
        .join('\n')}`,
  )
  .join('\n')}
</html>
`;
}

const groupOf = (path: string) =>
  path.split('/').find((part) => part !== '' && part !== 'api') ?? '';

function operation({
  path,
  method,
  summary,
  description,
  parameters,
  requestBody,
  responses,
}: Operation & { readonly path: string; readonly method: string }): string {
  const body = requestBody?.content['application/json'].schema;
  const curl = [
    `curl -H "X-API-Key: $KEY" ${method === 'GET' ? '' : `-X ${method} `}`,
    body ? '-H "Content-Type: application/json" -d \'{…}\' ' : '',
    `$SERVER${path}`,
  ].join('');
  const rows = [
    ...parameters.map(({ name, in: place, required, description: text = '', schema }) =>
      row(name, `${place}${required ? ', required' : ''}`, typeOf(schema), text),
    ),
    ...(body ? fields(body).map(([name, type, text]) => row(name, 'body', type, text)) : []),
  ];
  const answers = Object.entries(responses)
    .filter(([status]) => status !== 'default')
    .map(
      ([status, response]) =>
        `<li><b>${escaped(status)}</b> ${escaped(String((response as { readonly description?: unknown }).description))}</li>`,
    );
  return `<details><summary><code><span class="method">${method}</span> ${escaped(path)}</code> ${escaped(summary)}</summary><div><p>${escaped(description).replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p><pre>${escaped(curl)}</pre>${rows.length > 0 ? `<table>${rows.join('')}</table>` : ''}<ul>${answers.join('')}</ul></div></details>`;
}

function fields(schema: JsonSchema): readonly (readonly [string, string, string])[] {
  const { properties = {}, required = [] } = schema as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => [
    `${name}${required.includes(name) ? ' *' : ''}`,
    typeOf(property),
    String(property.description ?? ''),
  ]);
}

function typeOf({ type, enum: choices, items, $ref: reference, anyOf }: JsonSchema): string {
  if (Array.isArray(choices)) return choices.join(' | ');
  if (typeof reference === 'string') return reference.split('/').at(-1) ?? '';
  if (Array.isArray(anyOf)) return anyOf.map((choice) => typeOf(choice as JsonSchema)).join(' | ');
  return type === 'array' ? `list of ${typeOf(items as JsonSchema)}` : String(type ?? 'any');
}

function row(...cells: readonly string[]): string {
  return `<tr>${cells.map((cell, index) => `<td>${index === 0 ? `<code>${escaped(cell)}</code>` : escaped(cell)}</td>`).join('')}</tr>`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
