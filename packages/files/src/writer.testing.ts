// A process that begins to write a file, says so, and waits to be killed. Argument: the path.
import { reserveFile } from './index.ts';

const file = await reserveFile(process.argv[2] ?? '', { mode: 0o600 });
await file.append('a private key');
process.stdout.write('written\n');
process.stdin.resume();
