import { Waiting } from '../elements/listing.tsx';
import { Secret } from '../elements/secret.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { api } from '../server.ts';
import { strings } from '../strings/strings.ts';
import { ExternalAccounts } from './authority/external-accounts.tsx';
import { IssuedList } from './authority/issued.tsx';
import { StateOfCa } from './authority/state-of-ca.tsx';

const words = await strings('authority');

/** The own CA: its certificates and revocation lists, what it has issued, external accounts. */
export function Authority() {
  useTitle(words.title);
  const loaded = useLoaded(
    'authority',
    async (signal) => (await api.GET('/api/ca', { signal })).data,
    { seconds: 20 },
  );
  return (
    <>
      <h1>{words.title}</h1>
      <p>{words.text}</p>
      <Waiting loaded={loaded}>
        {({ authority }) =>
          authority === undefined ? (
            <p class="empty">{words.none}</p>
          ) : (
            <>
              <StateOfCa authority={authority} />
              <IssuedList onRevoked={loaded.reload} />
              <ExternalAccounts />
            </>
          )
        }
      </Waiting>
      <Secret />
    </>
  );
}
