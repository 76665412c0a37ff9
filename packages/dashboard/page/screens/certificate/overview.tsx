import type { components } from '@acmex/api';
import { ask } from '../../elements/ask.tsx';
import { announce } from '../../elements/announce.tsx';
import { Copy } from '../../elements/copy.tsx';
import { DataText } from '../../elements/data-text.tsx';
import { Facts } from '../../elements/facts.tsx';
import { Field } from '../../elements/field.tsx';
import { Fingerprint } from '../../elements/fingerprint.tsx';
import { Instant } from '../../elements/instant.tsx';
import { WebLink } from '../../elements/web-link.tsx';
import { labelFault, labelLines, labelsOf } from '../../labels.ts';
import { plannedRenewal } from '../../planned-renewal.ts';
import { api, PageError } from '../../server.ts';
import { may } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { words as shell } from '../../words.ts';
import { urlOf } from '../certificates/filter.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('certificate');
type Certificate = components['schemas']['Certificate'];

/** How many names are shown at once: a certificate may have a hundred. */
const firstNames = 10;

interface OverviewProps {
  readonly certificate: Certificate;
  readonly onChange: () => void;
}

/** Names, dates, settings and labels. */
export function Overview({ certificate, onChange }: OverviewProps) {
  return (
    <div class="panels">
      <NameList names={certificate.names} />
      <Dates certificate={certificate} />
      <Settings certificate={certificate} />
      <Labels certificate={certificate} onChange={onChange} />
    </div>
  );
}

function NameList({ names }: { readonly names: readonly string[] }) {
  const rest = names.slice(firstNames);
  return (
    <section class="panel" aria-labelledby="names">
      <div class="heading">
        <h2 id="names">{words.names(names.length)}</h2>
        {names.length > 1 ? <Copy text={names.join('\n')} label={words.allNames} /> : null}
      </div>
      <NameItems names={names.slice(0, firstNames)} />
      {rest.length > 0 ? (
        <details>
          <summary>{words.moreNames(rest.length)}</summary>
          <NameItems names={rest} />
        </details>
      ) : null}
    </section>
  );
}

function NameItems({ names }: { readonly names: readonly string[] }) {
  return (
    <ul class="name-list">
      {names.map((name) => (
        <li key={name}>
          <DataText text={name} />
          <Copy text={name} label={name} />
        </li>
      ))}
    </ul>
  );
}

function Dates({ certificate }: { readonly certificate: Certificate }) {
  const { current, createdAt } = certificate;
  const renewal = plannedRenewal(certificate);
  return (
    <section class="panel" aria-labelledby="dates">
      <h2 id="dates">{words.dates.heading}</h2>
      <Facts
        facts={[
          [words.dates.expires, current && <TwoInstants at={current.notAfter} />],
          [words.dates.renewal, renewal ? <TwoInstants at={renewal.at} /> : words.dates.noRenewal],
          [
            words.dates.window,
            renewal?.window && (
              <>
                <Instant at={renewal.window.start} as="exact" /> –{' '}
                <Instant at={renewal.window.end} as="exact" />
              </>
            ),
          ],
          [
            words.dates.explanation,
            renewal?.explanationUrl && <WebLink url={renewal.explanationUrl} />,
          ],
          [words.dates.begins, current && <Instant at={current.notBefore} as="exact" />],
          [words.dates.issued, current && <Instant at={current.issuedAt} as="exact" />],
          [words.dates.added, <Instant at={createdAt} as="exact" />],
        ]}
      />
    </section>
  );
}

/** How far away it is, and when it is. */
function TwoInstants({ at }: { readonly at: string }) {
  return (
    <>
      <Instant at={at} /> (<Instant at={at} as="exact" />)
    </>
  );
}

function Settings({ certificate }: { readonly certificate: Certificate }) {
  const { id, current, issuer, profile, preferredChain, keyType, reuseKey } = certificate;
  const { challenge, dnsProvider, renewBeforeDays, deployed, secondKeyType } = certificate;
  const { settings } = words;
  return (
    <section class="panel" aria-labelledby="settings">
      <h2 id="settings">{settings.heading}</h2>
      <Facts
        facts={[
          [settings.issuer, <bdi>{visibleText(issuer)}</bdi>],
          [
            settings.keyType,
            `${[keyType, secondKeyType ?? []].flat().join(' + ')}, ${reuseKey ? settings.keyKept : settings.keyNew}`,
          ],
          [settings.challenge, challenge ?? settings.byDefault],
          [settings.dnsProvider, dnsProvider],
          [settings.profile, profile],
          [settings.preferredChain, preferredChain && <DataText text={preferredChain} />],
          [
            settings.renewBefore,
            renewBeforeDays === undefined ? settings.byDefault : settings.days(renewBeforeDays),
          ],
          [settings.generation, current && String(current.generation)],
          [
            settings.deployed,
            deployed === undefined ? settings.never : settings.generationOf(deployed),
          ],
          [
            settings.serialNumber,
            current && <Fingerprint value={current.serialNumber} label={settings.serialNumber} />,
          ],
          [settings.id, <Fingerprint value={id} label={settings.id} />],
        ]}
      />
    </section>
  );
}

function Labels({ certificate, onChange }: OverviewProps) {
  const labels = Object.entries(certificate.labels);
  return (
    <section class="panel" aria-labelledby="labels">
      <div class="heading">
        <h2 id="labels">{words.labels.heading}</h2>
        {may('certificates:write') ? (
          <button type="button" class="quiet" onClick={() => askForLabels(certificate, onChange)}>
            {words.labels.change}…
          </button>
        ) : null}
      </div>
      {labels.length === 0 ? <p class="hint">{words.labels.none}</p> : null}
      {labels.map(([name, value]) => (
        <a key={name} class="label" href={urlOf({ label: `${name}=${value}` })}>
          {visibleText(`${name}=${value}`)}
        </a>
      ))}
    </section>
  );
}

function askForLabels({ id, labels }: Certificate, onChange: () => void): void {
  ask({
    title: words.labels.title,
    content: (
      <Field label={words.labels.field} hint={words.labels.hint}>
        {(attributes) => (
          <textarea {...attributes} name="labels" rows={6} defaultValue={labelLines(labels)} />
        )}
      </Field>
    ),
    action: words.labels.save,
    async run(form) {
      const text = String(form.get('labels'));
      const line = labelFault(text);
      if (line !== undefined) throw new PageError(shell.labelFault(line));
      await api.PATCH('/api/certificates/{id}', {
        params: { path: { id } },
        body: { labels: labelsOf(text) },
      });
      announce(words.labels.done);
      onChange();
    },
  });
}
