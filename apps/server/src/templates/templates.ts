import { Injectable } from '@nestjs/common';
import * as z from 'zod';
import { assertDeployTargets } from '../access/caller.ts';
import { issuersFor, wishes } from '../certificates/request.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { templateName } from '../http/fields.ts';
import { getTemplate, listTemplates, putTemplate, removeTemplate } from './template-store.ts';

const params = z.strictObject({ name: templateName });
const templateSchema = z.object({ name: z.string(), ...wishes }).meta({ id: 'Template' });
const templateAnswer = { description: 'The template.', schema: templateSchema };
const list = endpoint({
  method: 'GET',
  path: '/api/templates',
  scope: 'certificates:read',
  summary: 'List the templates of certificates',
  answers: {
    200: {
      description: 'All of the tenant, by their names.',
      schema: z.object({ items: z.array(templateSchema) }),
    },
  },
});
const show = endpoint({
  method: 'GET',
  path: '/api/templates/:name',
  scope: 'certificates:read',
  summary: 'Look at a template',
  params,
  answers: { 200: templateAnswer },
});
const put = endpoint({
  method: 'PUT',
  path: '/api/templates/:name',
  scope: 'certificates:write',
  summary:
    'Create or replace a template, which orders and declared certificates name as `template`',
  params,
  body: z.strictObject(wishes),
  answers: {
    200: { ...templateAnswer, description: 'It is replaced. Certificates do not change.' },
    201: {
      ...templateAnswer,
      description: 'It is new.',
      headers: { Location: 'The template.' },
    },
  },
});
const remove = endpoint({
  method: 'DELETE',
  path: '/api/templates/:name',
  scope: 'certificates:write',
  summary: 'Remove a template; certificates that were ordered with it stay as they are',
  params,
  answers: { 204: { description: 'It is gone.' } },
});

/** Templates of certificates: values that a request takes by the name of the template. */
@Injectable()
export class Templates {
  @Handles(list)
  async list({ caller }: RequestOf<typeof list>): Promise<Answer> {
    const items = [];
    for await (const template of listTemplates(caller.tenant.storage)) items.push(template);
    return answer(200, { items });
  }

  @Handles(show)
  async show({ caller, params: { name } }: RequestOf<typeof show>): Promise<Answer> {
    return answer(200, await getTemplate(caller.tenant.storage, name));
  }

  @Handles(put)
  async put({ caller, params: { name }, body }: RequestOf<typeof put>): Promise<Answer> {
    const { tenant } = caller;
    if ((body.issuer ?? body.issuers) !== undefined) issuersFor(tenant, body);
    assertDeployTargets(caller, body.deployTo ?? []);
    const isNew = await putTemplate(tenant.storage, name, body);
    const template = { name, ...body };
    return isNew
      ? answer(201, template, { location: `/api/templates/${name}` })
      : answer(200, template);
  }

  @Handles(remove)
  async remove({ caller, params: { name } }: RequestOf<typeof remove>): Promise<Answer> {
    await removeTemplate(caller.tenant.storage, name);
    return answer(204);
  }
}
