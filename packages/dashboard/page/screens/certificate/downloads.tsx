import type { PathOf } from '@acmex/api';
import { useSignal } from '@preact/signals';
import { ask } from '../../elements/ask.tsx';
import { Choice } from '../../elements/choice.tsx';
import { Field } from '../../elements/field.tsx';
import { Problem } from '../../elements/problem.tsx';
import { download } from '../../download.ts';
import { type Failure, failureOf } from '../../server.ts';
import { may } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { visibleText } from '../../visible-text.ts';
import {
  type ChainFormat,
  chainFiles,
  fileName,
  type KeyFormat,
  keyFiles,
  passphraseOf,
} from './files.ts';

const words = (await strings('certificate')).downloads;

interface DownloadsProps {
  readonly id: string;
  /** The first name of the certificate. */
  readonly name: string | undefined;
  /** The chains that there are, by the names of the issuers at their ends. */
  readonly chains: readonly string[];
  /** Of a certificate with two key types, the one that is wanted. */
  readonly keyType: string | undefined;
}

/** The certificate as a file; the private key too, for those who may read it. */
export function Downloads(props: DownloadsProps) {
  const { name, chains } = props;
  const failure = useSignal<Failure | undefined>(undefined);
  const submit = async (form: FormData) => {
    failure.value = undefined;
    const format = form.get('format') as ChainFormat;
    try {
      await download(pathOf('/api/certificates/{id}/chain', props, form), {
        file: fileName(name, chainFiles[format]),
      });
    } catch (error) {
      failure.value = failureOf(error);
    }
  };
  return (
    <section class="panel" aria-labelledby="downloads">
      <h2 id="downloads">{words.heading}</h2>
      <form
        class="filter"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(new FormData(event.currentTarget));
        }}
      >
        <Choice label={words.format} name="format" options={optionsOf(chainFiles)} />
        <ChainChoice chains={chains} />
        <div class="actions">
          <button>{words.download}</button>
          {may('private-keys:read') ? (
            <button type="button" onClick={() => askForKey(props)}>
              {words.key}…
            </button>
          ) : null}
        </div>
      </form>
      {failure.value ? <Problem failure={failure.value} /> : null}
    </section>
  );
}

/** Each reading of a key is an event: the dialog says so first. */
function askForKey(props: DownloadsProps): void {
  const { name, chains } = props;
  ask({
    title: words.keyTitle,
    content: <KeyFields name={name} chains={chains} />,
    action: words.download,
    async run(form) {
      const format = form.get('format') as KeyFormat;
      const passphrase = String(form.get('passphrase') ?? '');
      await download(pathOf('/api/certificates/{id}/bundle', props, form), {
        file: fileName(name, keyFiles[format]),
        headers: passphrase === '' ? {} : { 'acmex-passphrase': passphrase },
      });
    },
  });
}

function KeyFields({ name, chains }: Pick<DownloadsProps, 'name' | 'chains'>) {
  const format = useSignal<KeyFormat>('pkcs12');
  return (
    <>
      <p>{words.keyText(visibleText(name ?? ''))}</p>
      <div
        onChange={({ target }) => {
          if (target instanceof HTMLSelectElement && target.name === 'format')
            format.value = target.value as KeyFormat;
        }}
      >
        <Choice
          label={words.format}
          name="format"
          value={format.value}
          options={optionsOf(keyFiles)}
        />
      </div>
      <ChainChoice chains={chains} />
      <Field label={words.passphrase} hint={words.passphrases[passphraseOf[format.value]]}>
        {(attributes) => (
          <input
            {...attributes}
            name="passphrase"
            type="password"
            autocomplete="new-password"
            // What a header can hold.
            pattern="[!-~]([ -~]*[!-~])?"
            required={passphraseOf[format.value] === 'required'}
          />
        )}
      </Field>
    </>
  );
}

/** A choice among the chains of the CA, where there are several. */
function ChainChoice({ chains }: { readonly chains: readonly string[] }) {
  if (chains.length < 2) return null;
  return (
    <Choice
      label={words.chain}
      name="chain"
      options={chains.map((chain, index) => [String(index + 1), visibleText(chain)])}
    />
  );
}

function optionsOf<F extends ChainFormat | KeyFormat>(files: Readonly<Record<F, string>>) {
  return (Object.keys(files) as F[]).map((format) => [format, words.formats[format]] as const);
}

function pathOf(path: PathOf<'get'>, { id, keyType }: DownloadsProps, form: FormData): string {
  const query = new URLSearchParams({ format: String(form.get('format')) });
  const chain = form.get('chain');
  if (typeof chain === 'string') query.set('chain', chain);
  if (keyType !== undefined) query.set('keyType', keyType);
  return `${path.replace('{id}', encodeURIComponent(id))}?${query}`;
}
