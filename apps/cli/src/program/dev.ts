import { command } from './command.ts';
import { parsed, text } from './flag.ts';
import { port } from './values.ts';

export const devCommands = [
  command({
    path: 'dev',
    argument: '<name> [program...]',
    description:
      'Serve a program of this machine by HTTPS, with a certificate of the local CA: acmex dev example.localhost 3000, or acmex dev example.localhost -- npm start, which starts it with its port in PORT',
    flags: {
      port: parsed(
        '--port <port>',
        'Port to listen on; by default 443, or a port from 8443 on where that cannot be used',
        port,
      ),
      host: text('--host <address>', 'Address to listen on; only this machine by default'),
    },
    run: async ({ args, options, terminal }) =>
      await (await import('../dev/dev.ts')).dev(args, options, terminal),
  }),
];
