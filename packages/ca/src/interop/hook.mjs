#!/usr/bin/env node
// What the clients call to show and remove a response: it reports to the test's own server. INTEROP_CONTROL
// is its URL.
const [verb = '', ...rest] = process.argv.slice(2);
const send = async (path, body) => {
  const answer = await fetch(`${process.env.INTEROP_CONTROL}/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`);
};
const { CERTBOT_DOMAIN: domain, CERTBOT_VALIDATION: validation } = process.env;
const record = (name) => `_acme-challenge.${name.replace(/^\*\./, '').replace(/\.$/, '')}`;

if (verb === 'certbot') await send('txt', { name: record(domain), value: validation });
// lego's exec: present|cleanup FQDN VALUE
else if (verb === 'present')
  await send('txt', { name: rest[0].replace(/\.$/, ''), value: rest[1] });
// dehydrated: deploy_challenge DOMAIN TOKEN VALUE
else if (verb === 'deploy_challenge') await send('txt', { name: record(rest[0]), value: rest[2] });
// uacme: begin TYPE IDENTIFIER TOKEN AUTH; it takes 1 for "another type, please"
else if (verb === 'begin') {
  const [type, identifier, token, auth] = rest;
  if (type !== process.env.INTEROP_TYPE) process.exit(1);
  if (type === 'dns-01') await send('txt', { name: record(identifier), value: auth });
  else await send('http', { token, value: auth });
}
