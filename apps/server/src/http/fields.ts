import { keyTypes } from '@acmex/certificate';
import { parseWeeklyWindow, weeklyWindowForm } from '@acmex/clock';
import {
  identifier,
  IdentifierError,
  isDomainName,
  namePattern as parseNamePattern,
} from '@acmex/identifier';
import { challengeTypes, subscriberRevocationReasons } from '@acmex/protocol';
import * as z from 'zod';

// What requests may say. Each text has a form in which no command, path, URL or credential fits:
// those are for acmex.toml.

const text = (pattern: RegExp, wanted: string) =>
  z.string({ error: wanted }).regex(pattern, wanted);
const id = (prefix: string) =>
  text(
    new RegExp(`^${prefix}_[0-9a-z]{26}$`),
    `write the id as ${prefix}_ and 26 letters and digits`,
  );

export const certificateId = id('crt');
export const orderId = id('ord');
export const keyId = id('key');
export const sessionId = id('ses');
export const notificationId = id('msg');
export const calendarTokenId = id('cal');
export const accountId = text(
  /^acc_[0-9a-f]{12}$/,
  'write the id as acc_ and 12 hexadecimal digits',
);

const label = '[\\p{L}\\p{N}\\p{M}_-]{1,63}';
const nameForm = `^(?:\\*|(?:\\*\\.)?${label}(?:\\.${label}){0,126}\\.?|[0-9a-fA-F:.]{2,45})$`;

/** The text of an API key, or a key of the configuration. No URL has this form. */
export const keyText = z
  .string({ error: 'write an API key' })
  .trim()
  .regex(/^(?!.*:\/\/)[!-~]{22,1024}$/, 'write an API key');

/** A domain name, a wildcard or an IP address, in canonical form. */
export const certifiedName = checkedName((name) => identifier(name).value);
export const certifiedNames = z
  .array(certifiedName)
  .min(1, 'write at least one name')
  .max(100, 'a certificate has 100 names at most');
/** A part of a name, in any letters; in lower case, as names are stored. */
export const namePart = text(
  /^[\p{L}\p{N}\p{M}*.:_-]{2,64}$/u,
  'write 2 to 64 letters, digits and . - _ : * of a name',
).overwrite((part) => part.toLowerCase().normalize('NFC'));
/** `*`, `*.example.com` for all below it, or a name. */
export const namePattern = checkedName(parseNamePattern);

/**
 * A name by the rule of @acmex/identifier.
 * @param canonical returns the name in canonical form
 */
function checkedName(canonical: (text: string) => string) {
  const checked = z.string().check((context) => {
    try {
      context.value = canonical(context.value);
    } catch (error) {
      if (!(error instanceof IdentifierError)) throw error;
      const { message } = error;
      context.issues.push({ code: 'custom', message, input: context.value, params: { error } });
    }
  });
  // The description of the API shows a form; the rule itself says more than a pattern can.
  return checked.meta({ pattern: nameForm });
}

/** What a host calls itself; a part of a key of the storage. */
export const agentName = text(
  /^[a-z0-9][a-z0-9._-]{0,99}$/,
  'write the name of the host: a-z, 0-9 and . _ -',
);

/** The name of something in acmex.toml. */
export const ownName = text(
  /^[a-z0-9][a-z0-9-]{0,39}$/,
  'write its name in acmex.toml: a-z, 0-9 and -',
);
/** The name of a template; a part of a key of the storage. */
export const templateName = text(
  /^[a-z0-9][a-z0-9.-]{0,62}$/,
  'write the name of a template: a-z, 0-9 and . -',
);
export const profile = text(/^[\w.-]{1,64}$/, "write the name of one of the CA's profiles");
/** One of the chains that a CA offers: see `isChain` of @acmex/certificate. */
export const preferredChain = text(
  /^(?:[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31}|[\p{L}\p{N}(][\p{L}\p{N}\p{M} .,'()&+_-]{0,127})$/u,
  'write the common name of the issuer at the end of the chain, or the SHA-256 fingerprint of a certificate in it',
);
export const keyType = z.enum(keyTypes);
export const challenge = z.enum(challengeTypes);
export const labelName = text(/^[\w.-]{1,63}$/, 'write 1 to 63 letters, digits and _ . -');
export const labelValue = text(/^[\w.@+-]{0,63}$/, 'write up to 63 letters, digits and _ . @ + -');
export const labelFilter = text(/^[\w.-]{1,63}(=[\w.@+-]{0,63})?$/, 'write NAME or NAME=VALUE');
export const labels = z
  .record(labelName, labelValue)
  .refine((entries) => Object.keys(entries).length <= 32, 'write 32 labels at most');
export const renewBeforeDays = z.number().int().min(1).max(365);
const wantedWindow = `write ${weeklyWindowForm}`;
/** A span of time on some days of each week: see `parseWeeklyWindow` of @acmex/clock. */
export const weeklyWindow = z
  .string({ error: wantedWindow })
  .trim()
  .regex(
    /^(?:[A-Za-z]{3,9}(?:[-,][A-Za-z]{3,9}){0,13} +)?\d\d:\d\d-\d\d:\d\d(?: +[A-Za-z][\w+/-]{0,63})?$/,
    { error: wantedWindow, abort: true },
  )
  .refine((window) => parseWeeklyWindow(window) !== undefined, wantedWindow);
/** What people call something. */
export const title = text(
  /^[\p{L}\p{N}][\p{L}\p{N} _.,()+-]{0,79}$/u,
  'write 1 to 80 letters, digits, blanks and _ . , ( ) + -',
);
export const email = z
  .string({ error: 'write it as you@example.com' })
  // As other programs write it. RFC 8555 §7.3 has URLs.
  .overwrite((address) => address.trim().replace(/^mailto:/i, ''))
  .regex(/^[\w.%+-]{1,64}@[^@]+\.[^@]{2,63}$/, 'write it as you@example.com')
  .refine(
    (address) => isDomainName(address.slice(address.indexOf('@') + 1).toLowerCase()),
    'write it as you@example.com',
  );
export const moment = z.iso.datetime({
  offset: true,
  error: 'write a time as 2026-11-23T18:00:00Z',
});
export const day = z.iso.date({ error: 'write a day as 2026-11-29' });
/** A name of the IANA time zone database. RFC 9557 §4.1 */
export const timeZone = text(
  /^[A-Za-z][\w+/-]{0,63}$/,
  'write a time zone as Europe/Berlin',
).refine(isTimeZone, 'is not a time zone that this server knows: use UTC');
/** Hexadecimal, with or without colons; in lower case without them. */
export const serialNumber = text(
  /^(?:[0-9a-fA-F]{1,40}|[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){0,19})$/,
  'write a serial number in hexadecimal',
).overwrite((serial) => serial.toLowerCase().replaceAll(':', ''));
export const externalAccountId = id('eab');
export const revocationReason = z.enum(subscriberRevocationReasons);

export const limit = z.coerce
  .number()
  .int()
  .min(1)
  .max(1000)
  .default(100)
  .describe('How many at most; 1 to 1,000.');
export const cursor = text(/^[\w-]{1,800}$/, 'take it from next of the page before').describe(
  '`next` of the page before.',
);

/** Where a page of a list of times continues: an id, or the shorter one of a moment. */
export const timeCursor = (prefix: string) =>
  text(new RegExp(`^${prefix}_[0-9a-z]{10,26}$`), 'take it from next of the page before').describe(
    '`next` of the page before.',
  );

/** The order of a list of what happened. */
export const sortedBy = z
  .enum(['oldest', 'newest'])
  .default('oldest')
  .describe('What comes first: `oldest`, or `newest`.');

/** A part of a list. */
export function pageOf<T extends z.ZodType>(items: T) {
  return z.object({
    items: z.array(items),
    next: z
      .string()
      .optional()
      .describe(
        'Asks for more, as `cursor`; absent where there is nothing more. A page may hold less than its limit and still have a next.',
      ),
    scanned: z
      .number()
      .int()
      .describe(
        'How many were looked at for this page; 2,000 at most where a filter has no index.',
      ),
  });
}

function isTimeZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if ((error as Error).name === 'RangeError') return false;
    throw error;
  }
}
