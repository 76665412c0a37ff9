import { printable } from '@acmex/errors';
import type { SendMailOptions } from 'nodemailer';
import { linesOf, type Notification, textOf } from './notification.ts';
import { insideMarkup } from './template.ts';

/** In UTF-16 code units. */
const longestSubject = 200;

/**
 * Returns a notification as a mail. It depends on nothing else, so that a mail that is sent again is
 * the same mail for its readers.
 */
export function mailFor(
  notification: Notification,
  { from, to }: { readonly from: string; readonly to: readonly string[] },
): SendMailOptions {
  const { id, time, type, severity, title } = notification;
  return {
    from: { name: 'AcmeX', address: from },
    to: to.map((address) => ({ name: '', address })),
    subject: printable(`[AcmeX] ${title}`, longestSubject),
    date: new Date(time),
    messageId: `<${messageIdText(id)}@${domainOf(from)}>`,
    text: `${textOf(notification)}\n`,
    html: htmlOf(notification),
    // RFC 3834 §5: no automatic answer.
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-AcmeX-Type': type,
      'X-AcmeX-Severity': severity,
    },
    baseBoundary: messageIdText(id),
    // A text never names a file or a URL that is read.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** Returns the characters that a Message-ID may have. RFC 5322 §3.6.4 */
function messageIdText(text: string): string {
  return text.replace(/[^\w-]/g, '-');
}

function domainOf(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return /^[a-z0-9.-]+$/i.test(domain) ? domain : 'acmex.invalid';
}

function htmlOf(notification: Notification): string {
  const lines = linesOf(notification).map((line) => `<li>${insideMarkup(line)}</li>`);
  const list = lines.length === 0 ? '' : `\n<ul>\n${lines.join('\n')}\n</ul>`;
  return `<!DOCTYPE html>
<html lang="en">
<body>
<p><strong>${insideMarkup(notification.title)}</strong></p>${list}
</body>
</html>
`;
}
