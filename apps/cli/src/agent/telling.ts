import { errorCode, errorText, printable } from '@acmex/errors';
import type { Log } from '@acmex/server';

/** An error in one line. What a hook wrote may be anything: a private key in it is left out. */
export function told(error: unknown): string {
  const code = errorCode(error);
  return `${withoutKeys(printable(errorText(error), 2000))}${code === undefined ? '' : ` [${code}]`}`;
}

/** Log lines in which no private key stands, whoever wrote it. */
export function keyless(log: Log): Log {
  return ({ msg, ...entry }) => log({ ...entry, msg: withoutKeys(msg) });
}

/** Also one whose beginning or end was cut off. */
function withoutKeys(text: string): string {
  return text
    .replace(
      /(-----BEGIN [A-Z ]*PRIVATE KEY-----)?(?:[\w+/=\s]|\\n|\\r|\\u\{[ad]\})*-----END [A-Z ]*PRIVATE KEY-----/g,
      ' (a private key)',
    )
    .replace(
      /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\w+/=\s]|\\n|\\r|\\u\{[ad]\})*/g,
      '(a private key)',
    );
}
