import { serve, type ServeOptions } from '../serve.ts';

/** The only argument of a process of a team, as JSON. */
export interface Member extends Pick<
  ServeOptions,
  'configFile' | 'role' | 'dataDirectory' | 'lease'
> {
  readonly folder: string;
}

const { folder, ...options } = JSON.parse(process.argv[2] ?? '') as Member;
const server = await serve({
  ...options,
  environment: {},
  cwd: folder,
  home: folder,
  version: '0.0.0',
  log: (entry) => {
    process.stderr.write(`${JSON.stringify(entry)}\n`);
  },
  onInitialKey: (_, key) => {
    process.stdout.write(`key ${key}\n`);
  },
});
process.stdout.write(`ready ${server.url}\n`);
process.once('SIGTERM', () => {
  void server.stop({ within: { seconds: 15 } }).then((parked) => {
    process.stdout.write(`parked ${parked.length}\n`);
    process.exit(0);
  });
});
