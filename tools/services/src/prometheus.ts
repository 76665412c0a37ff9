import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { opened } from './opened.ts';
import { startProgram } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface PrometheusOptions {
  /** Addresses to scrape each second, `127.0.0.1:9090`. */
  readonly targets: readonly string[];
  /** Files with alert rules, which are evaluated each second. */
  readonly rules: readonly string[];
}

/** A Prometheus on a port of 127.0.0.1. Its data is removed when it is disposed of. */
export interface Prometheus extends AsyncDisposable {
  readonly url: string;
  /** Returns the data of an answer of its API: `rules`, `targets`, `query_exemplars?query=…`. */
  api(path: string): Promise<unknown>;
  log(): string;
}

/**
 * Starts Prometheus on a free port.
 * @throws ProgramError with the log when it does not start
 */
export async function startPrometheus({ targets, rules }: PrometheusOptions): Promise<Prometheus> {
  const resources = opened();
  try {
    const folder = resources.use(await temporaryFolder('prometheus'));
    const port = await freePort();
    const file = join(folder.path, 'prometheus.json');
    // YAML contains JSON.
    await writeFile(
      file,
      JSON.stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: rules,
        scrape_configs: [{ job_name: 'acmex', static_configs: [{ targets }] }],
      }),
    );
    const url = `http://127.0.0.1:${port}`;
    const { log } = resources.use(
      await startProgram({
        command: 'prometheus',
        args: [
          `--config.file=${file}`,
          `--storage.tsdb.path=${join(folder.path, 'data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
          '--enable-feature=exemplar-storage',
        ],
        ready: (output) => output.includes('Server is ready to receive web requests'),
      }),
    );
    return {
      url,
      async api(path) {
        const response = await fetch(`${url}/api/v1/${path}`);
        return ((await response.json()) as { readonly data: unknown }).data;
      },
      log,
      [Symbol.asyncDispose]: () => resources.close(),
    };
  } catch (error) {
    await resources.close();
    throw error;
  }
}
