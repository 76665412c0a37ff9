// A resource of the REST API: its routes with what each takes and answers, its records, and a test.
// It is listed among the controllers, and has scopes of its own.

export const next = (name) =>
  `docs/adding-an-endpoint.md, from its second step: look at apps/server/src/${name}/${name}.ts, then npm test -- apps/server -- --testPathPatterns ${name}.`;

/** Where the server must know of it. */
export const edits = ({ name, pascal }) => [
  {
    file: 'apps/server/src/controllers.ts',
    before: /^\/\*\* Everything that answers/m,
    insert: `import { ${pascal} } from './${name}/${name}.ts';\n`,
  },
  { file: 'apps/server/src/controllers.ts', before: /^\] as const;/m, insert: `  ${pascal},\n` },
  {
    file: 'apps/server/src/access/scopes.ts',
    before: /^\} as const;/m,
    insert: `  '${name}:read': 'See ${name}.',\n  '${name}:write': 'Make and remove ${name}.',\n`,
  },
];

export const files = (names) => ({
  [`${names.name}.ts`]: controller(names),
  [`${names.name}.test.ts`]: test(names),
});

const controller = ({
  name,
  camel,
  pascal,
}) => `import { idOf, newId, records, schemaCheck, type Stored } from '@acmex/storage';
import { Injectable } from '@nestjs/common';
import * as z from 'zod';
import { ServerError } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { title } from '../http/fields.ts';

interface ${pascal}Record {
  readonly title: string;
}
const ${camel} = records<${pascal}Record>({ kind: '${name}', version: 1, under: '${name}', check: schemaCheck(z.looseObject({ title: z.string() })) });

const id = z.string().regex(/^own_[0-9a-z]{26}$/, 'write the id as own_ and 26 letters and digits');
const params = z.strictObject({ id });
const schema = z.object({ id: z.string(), title: z.string() }).meta({ id: '${pascal}' });
const list = endpoint({ method: 'GET', path: '/api/${name}', scope: '${name}:read', summary: 'List ${name}', answers: { 200: { description: 'All of them.', schema: z.object({ items: z.array(schema) }) } } });
const create = endpoint({ method: 'POST', path: '/api/${name}', scope: '${name}:write', summary: 'Make one of ${name}', body: z.strictObject({ title }), answers: { 201: { description: 'It is there.', schema, headers: { Location: 'Where.' } } } });
const show = endpoint({ method: 'GET', path: '/api/${name}/:id', scope: '${name}:read', summary: 'Look at one of ${name}', params, answers: { 200: { description: 'This one.', schema } } });
const remove = endpoint({ method: 'DELETE', path: '/api/${name}/:id', scope: '${name}:write', summary: 'Remove one of ${name}', params, answers: { 204: { description: 'It is gone.' } } });

@Injectable()
export class ${pascal} {
  @Handles(list)
  async list({ caller: { tenant: { storage } } }: RequestOf<typeof list>): Promise<Answer> {
    const items = [];
    for await (const stored of ${camel}.list(storage)) items.push(toResource(stored));
    return answer(200, { items });
  }

  @Handles(create)
  async create({ caller: { tenant: { storage } }, body }: RequestOf<typeof create>): Promise<Answer> {
    const id = newId('own');
    await storage.write([${camel}.added(id, body)]);
    return answer(201, { id, ...body }, { location: \`/api/${name}/\${id}\` });
  }

  @Handles(show)
  async show(request: RequestOf<typeof show>): Promise<Answer> {
    return answer(200, toResource(await read${pascal}(request)));
  }

  @Handles(remove)
  async remove(request: RequestOf<typeof remove>): Promise<Answer> {
    const { key, version } = await read${pascal}(request);
    await request.caller.tenant.storage.write([{ remove: key, ifVersion: version }]);
    return answer(204);
  }
}

/** Returns the record of the caller's tenant. */
async function read${pascal}({ caller, params: { id } }: RequestOf<typeof show>): Promise<Stored<${pascal}Record>> {
  const stored = await ${camel}.read(caller.tenant.storage, id);
  if (!stored) throw new ServerError('ERR_SERVER_NOT_FOUND', \`there is nothing with the id \${id}\`);
  return stored;
}

function toResource(stored: Stored<${pascal}Record>): z.infer<typeof schema> {
  return { id: idOf(stored), title: stored.record.title };
}
`;

const test = ({ name }) => `import { expect, it } from '@jest/globals';
import { serving } from '../serving.testing.ts';

it('are created, listed, read and removed with the right scopes', async () => {
  await using server = await serving();
  const made = await server.call('POST', '/api/${name}', { body: { title: 'The first' } });
  expect(made).toMatchObject({ status: 201, body: { title: 'The first' } });
  const place = made.headers.get('location') ?? '';
  await expect(server.call('GET', place)).resolves.toMatchObject({ status: 200, body: made.body });
  await expect(server.call('GET', '/api/${name}')).resolves.toMatchObject({ status: 200, body: { items: [made.body] } });
  const reader = await server.makeKey({ scopes: ['${name}:read'] });
  await expect(server.call('DELETE', place, { key: reader })).resolves.toMatchObject({ status: 403 });
  await expect(server.call('DELETE', place)).resolves.toMatchObject({ status: 204 });
  await expect(server.call('GET', place)).resolves.toMatchObject({ status: 404 });
});

it('are refused with fields that a request must not set', async () => {
  await using server = await serving();
  await expect(server.call('POST', '/api/${name}', { body: { title: '/etc/passwd' } })).resolves.toMatchObject({ status: 422, body: { errors: [{ pointer: '/title' }] } });
});
`;
