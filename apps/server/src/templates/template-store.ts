import { idOf, records, schemaCheck, type Storage, type Stored } from '@acmex/storage';
import * as z from 'zod';
import { type CertificateRequest, wishes } from '../certificates/request.ts';
import { ServerError } from '../errors.ts';

/** Values of a certificate that requests refer to by a name. */
export type Template = Omit<CertificateRequest, 'names'>;
export type NamedTemplate = Template & { readonly name: string };

const templates = records<Template>({
  kind: 'template',
  version: 1,
  check: schemaCheck(z.looseObject(wishes)),
  under: 'template',
});

/** Lists the templates of a tenant, by their names. */
export async function* listTemplates(storage: Storage): AsyncGenerator<NamedTemplate> {
  for await (const stored of templates.list(storage)) yield toTemplate(stored);
}

/** @throws ServerError `ERR_SERVER_NOT_FOUND` */
export async function getTemplate(storage: Storage, name: string): Promise<NamedTemplate> {
  return toTemplate(await storedTemplate(storage, name));
}

/** Creates or replaces a template. @returns whether it is new */
export async function putTemplate(
  storage: Storage,
  name: string,
  template: Template,
): Promise<boolean> {
  const stored = await templates.read(storage, name);
  await storage.write([templates.put(name, template)]);
  return stored === undefined;
}

/** @throws ServerError `ERR_SERVER_NOT_FOUND` */
export async function removeTemplate(storage: Storage, name: string): Promise<void> {
  const { key } = await storedTemplate(storage, name);
  await storage.write([{ remove: key }]);
}

/**
 * Returns the values of a request on top of those of its template. Labels are joined.
 * @throws ServerError `ERR_SERVER_BODY` for a template that does not exist
 */
export async function withTemplate(
  storage: Storage,
  { template: name, ...wished }: Template & { readonly template?: string | undefined },
): Promise<Template> {
  if (name === undefined) return wished;
  const stored = await templates.read(storage, name);
  if (!stored) {
    const detail = `there is no template ${JSON.stringify(name)}`;
    throw new ServerError('ERR_SERVER_BODY', `the body cannot be used: /template ${detail}`, {
      errors: [{ pointer: '/template', detail }],
    });
  }
  const values = Object.entries(wished).filter(([, value]) => value !== undefined);
  const { labels, issuer, issuers, ...further } = stored.record;
  const isNamed = (wished.issuer ?? wished.issuers) !== undefined;
  const named = isNamed ? {} : { issuer, issuers };
  const merged = { ...further, labels, ...named, ...Object.fromEntries(values) };
  return labels ? { ...merged, labels: { ...labels, ...wished.labels } } : merged;
}

async function storedTemplate(storage: Storage, name: string): Promise<Stored<Template>> {
  const stored = await templates.read(storage, name);
  if (stored) return stored;
  throw new ServerError('ERR_SERVER_NOT_FOUND', `there is no template ${JSON.stringify(name)}`);
}

function toTemplate(stored: Stored<Template>): NamedTemplate {
  return { name: idOf(stored), ...stored.record };
}
