import { issuersOf, readConfig } from '@acmex/config';
import { errorText } from '@acmex/errors';
import { type Anchor, type Trust, trustOf, trustOnly } from '@acmex/manager';
import { resolvedIssuer } from '@acmex/manager/from-config';
import { type ConfigurationFlags, placesOf } from './configuration.ts';
import { readAnchors } from './read-text.ts';
import type { Terminal } from './terminal.ts';

/** The flags that say which certificates are trusted. */
export interface TrustOptions extends ConfigurationFlags {
  readonly anchors?: readonly string[] | undefined;
  readonly config?: string | undefined;
}

/**
 * Returns what a command trusts: the files of `--anchors` alone; otherwise the certificates of
 * Node.js and the roots that the configuration names for its CAs.
 * @throws CliError `ERR_CLI_FILE`; ConfigError for a file of `--config` that cannot be used
 */
export async function trustFor(options: TrustOptions, terminal: Terminal): Promise<Trust> {
  const { anchors, config: file, overrides } = options;
  if (anchors) return trustOnly(await Promise.all(anchors.map(readAnchors)));
  try {
    const configuration = await readConfig({
      ...placesOf(terminal),
      ...{ file, overrides, environment: terminal.env },
    });
    return await trustOf(issuersOf(configuration).map(resolvedIssuer));
  } catch (error) {
    if (file !== undefined) throw error;
    // A public certificate can be verified by users who may not read the configuration.
    terminal.stderr.write(
      `warning: the roots that the configuration names are not trusted here: ${errorText(error)}. Use --config or --anchors.\n`,
    );
    return await trustOf([]);
  }
}

/** Says what names a trusted certificate: `of the roots of Node.js`. */
export function anchorText({ source, issuer }: Anchor): string {
  const texts = {
    public: 'of the roots of Node.js',
    issuer: `that the configuration names for the CA ${issuer ?? ''}`,
    caller: 'of --anchors',
  };
  return texts[source];
}
