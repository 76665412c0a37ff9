import type { components } from '@acmex/api';
import { Problem } from '../../elements/problem.tsx';
import { Names } from '../../elements/names.tsx';
import { strings } from '../../strings/strings.ts';
import { keyTypes } from './wishes.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('newCertificate');

/** What the server would order, as it says before it is ordered. */
export function Plan({ plan }: { readonly plan: components['schemas']['PlannedOrder'] }) {
  const {
    names,
    issuer,
    profile,
    keyType,
    challenge,
    certificates,
    dnsProviders = {},
    findings = [],
  } = plan;
  const known = keyTypes.find((type) => type === keyType);
  return (
    <section class="panel" aria-labelledby="plan">
      <h2 id="plan">{words.plan}</h2>
      {findings.map(({ name, message, severity, ...finding }) => (
        <Problem
          key={finding.code + name}
          failure={{ ...finding, message: `${severity}: ${name}: ${message}`, fields: {} }}
        />
      ))}
      {certificates.length === 0 ? null : (
        <p>
          {words.existing}{' '}
          {certificates.map((id) => (
            <a key={id} href={`/certificates/${id}`}>
              {id}
            </a>
          ))}
        </p>
      )}
      <dl class="facts">
        <dt>{words.names}</dt>
        <dd>
          <Names names={names} first={10} />
        </dd>
        <dt>{words.issuer}</dt>
        <dd>
          <bdi>{visibleText(issuer)}</bdi>
        </dd>
        {profile === undefined ? null : (
          <>
            <dt>{words.profile}</dt>
            <dd>
              <bdi>{visibleText(profile)}</bdi>
            </dd>
          </>
        )}
        <dt>{words.keyType}</dt>
        <dd>{known === undefined ? keyType : words.keyTypes[known]}</dd>
        <dt>{words.challenge}</dt>
        <dd>{challenge}</dd>
        {Object.entries(dnsProviders).map(([name, provider]) => (
          <Writer key={name} name={name} provider={provider} />
        ))}
      </dl>
    </section>
  );
}

function Writer({ name, provider }: { readonly name: string; readonly provider: string }) {
  return (
    <>
      <dt>{words.recordOf(visibleText(name))}</dt>
      <dd>{words.writtenBy(visibleText(provider))}</dd>
    </>
  );
}
