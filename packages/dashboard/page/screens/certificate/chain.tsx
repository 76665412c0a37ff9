import type { components } from '@acmex/api';
import { DataText } from '../../elements/data-text.tsx';
import { Facts } from '../../elements/facts.tsx';
import { Fingerprint } from '../../elements/fingerprint.tsx';
import { Instant } from '../../elements/instant.tsx';
import { Waiting } from '../../elements/listing.tsx';
import type { Loaded } from '../../loaded.ts';
import { strings } from '../../strings/strings.ts';
import { type ChainMember, type ChainNode, chainNodes } from './chain-tree.ts';

const words = await strings('certificate');

interface ChainProps {
  readonly details: Loaded<components['schemas']['CertificateDetails']>;
  /** The trusted root, where the server's check found one. */
  readonly anchor: Parameters<typeof chainNodes>[1];
}

/** The certificate, what issued it, and what issued that, as far as the root. */
export function Chain({ details, anchor }: ChainProps) {
  return (
    <section class="panel" aria-labelledby="chain">
      <h2 id="chain">{words.chain.heading}</h2>
      <Waiting loaded={details}>
        {({ chain }) => <Branch nodes={chainNodes(chain, anchor)} />}
      </Waiting>
    </section>
  );
}

/** A certificate with its issuer below it. */
function Branch({ nodes: [node, ...issuers] }: { readonly nodes: readonly ChainNode[] }) {
  if (!node) return null;
  return (
    <ul class="chain">
      <li>
        <Node node={node} />
        <Branch nodes={issuers} />
      </li>
    </ul>
  );
}

function Node({
  node: { role, subject, fingerprint, member, isTrusted },
}: {
  readonly node: ChainNode;
}) {
  const summary = (
    <>
      <span class="role">{words.chain.roles[role]}</span>{' '}
      <strong>{subject === '' ? words.chain.noSubject : <DataText text={subject} />}</strong>{' '}
      {isTrusted ? <span class="state good">✓ {words.chain.trusted}</span> : null}
    </>
  );
  if (!member)
    return (
      <div class="chain-node">
        <p>
          {summary} <small>{words.chain.notIncluded}</small>
        </p>
        {fingerprint ? <Fingerprint value={fingerprint} label={words.chain.fingerprint} /> : null}
      </div>
    );
  return (
    <details class="chain-node" open={role === 'leaf'}>
      <summary>
        {summary}{' '}
        <small>
          {member.keyType}, {words.chain.until} <Instant at={member.notAfter} as="date" />
        </small>
      </summary>
      <Member member={member} />
    </details>
  );
}

function Member({ member }: { readonly member: ChainMember }) {
  const { chain } = words;
  return (
    <Facts
      facts={[
        [chain.subject, <DataText text={member.subject || chain.noSubject} />],
        [chain.issuer, <DataText text={member.issuer} />],
        [
          chain.validity,
          <>
            <Instant at={member.notBefore} as="exact" /> –{' '}
            <Instant at={member.notAfter} as="exact" />
          </>,
        ],
        [chain.keyType, member.keyType],
        [
          chain.names,
          member.names.length > 0 ? <DataText text={member.names.join(', ')} /> : undefined,
        ],
        [
          chain.serialNumber,
          <Fingerprint value={member.serialNumber} label={chain.serialNumber} />,
        ],
        [chain.fingerprint, <Fingerprint value={member.fingerprint} label={chain.fingerprint} />],
        [chain.sha1, <Fingerprint value={member.sha1Fingerprint} label={chain.sha1} />],
        [chain.pin, <Fingerprint value={member.spkiPin} label={chain.pin} />],
        [chain.purposes, member.purposes.join(', ') || chain.anyPurpose],
        [chain.mustStaple, member.mustStaple ? chain.yes : undefined],
        [chain.extensions, member.extensions.map(extensionText).join(', ')],
      ]}
    />
  );
}

function extensionText({ id, name, critical }: ChainMember['extensions'][number]): string {
  return critical ? `${name ?? id} (${words.chain.critical})` : (name ?? id);
}
