import { Buffer } from 'node:buffer';
import { cut, inert, withEntities, withoutMentions } from './inert-text.ts';
import { linesOf, type Notification, type Severity, textOf } from './notification.ts';

/** Longest texts of receivers, in UTF-16 code units. */
const limits = { discord: 2000, slack: 4000, mattermost: 16_383, telegram: 4096, teamsLine: 2000 };
/** Teams accepts 28 KB; this much is for the lines of a card, in bytes. */
const teamsRoom = 26_000;

/**
 * Returns a body whose text has no effect in Slack: no mention, no link and no markup. `<!channel>`
 * needs its brackets; receivers with Markdown also read `@channel`.
 */
export function slackBody(notification: Notification): string {
  return JSON.stringify({
    text: cut(withEntities(withoutMentions(textOf(notification))), limits.slack),
    mrkdwn: false,
    parse: 'none',
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
  });
}

/** Returns a body whose Markdown and mentions have no effect in Discord. */
export function discordBody(notification: Notification): string {
  const text = textOf(notification).replace(/[\\`*_~|<>[\]()#+\-:!.]/g, String.raw`\$&`);
  return JSON.stringify({
    content: cut(withoutMentions(text), limits.discord),
    allowed_mentions: { parse: [] },
    // SUPPRESS_EMBEDS: no preview of a link is loaded.
    flags: 4,
  });
}

/**
 * Returns a body whose text has no effect in Mattermost. It reads Markdown, and first what Slack
 * reads. Marks follow what begins a mention, a channel, a hashtag and an emoji.
 */
export function mattermostBody(notification: Notification): string {
  const text = withEntities(textOf(notification))
    .replace(/[\\`*_{}[\]()#+\-.!~|]/g, String.raw`\$&`)
    .replace(/[@~#]|:(?=\S)/g, '$&\u200b');
  return JSON.stringify({ text: cut(text, limits.mattermost) });
}

/**
 * Returns a body for `sendMessage` of a Telegram bot. The whole text is one `pre` entity, so that
 * nothing in it is a mention, link, command or hashtag.
 */
export function telegramBody(notification: Notification, chatId: string): string {
  const text = cut(inert(textOf(notification)), limits.telegram);
  return JSON.stringify({
    chat_id: chatId,
    text,
    entities: [{ type: 'pre', offset: 0, length: text.length }],
    link_preview_options: { is_disabled: true },
  });
}

const teamsColors = { error: 'Attention', warning: 'Warning', info: 'Default' } as const satisfies {
  [severity in Severity]: string;
};

/**
 * Returns an Adaptive Card for a webhook of Teams Workflows. Text runs have no Markdown, in contrast
 * to text blocks; marks follow what begins a mention.
 */
export function teamsBody(notification: Notification): string {
  const { title, severity } = notification;
  const heading = teamsLine(title, { weight: 'Bolder', color: teamsColors[severity] });
  const lines = fittingLines(linesOf(notification).map((line) => teamsLine(line)));
  return JSON.stringify({
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [heading, ...lines],
        },
      },
    ],
  });
}

type TeamsLine = ReturnType<typeof teamsLine>;

/** Returns the first lines, as many as a card has room for, and how many more there are. */
function fittingLines(lines: readonly TeamsLine[]): readonly TeamsLine[] {
  let room = teamsRoom;
  for (const [index, line] of lines.entries()) {
    room -= Buffer.byteLength(JSON.stringify(line));
    if (room < 0)
      return [...lines.slice(0, index), teamsLine(`and ${lines.length - index} more lines`)];
  }
  return lines;
}

function teamsLine(line: string, style: Readonly<Record<string, string>> = {}) {
  const text = inert(line).replaceAll('<', '<\u200b');
  const run = { type: 'TextRun', text: cut(text, limits.teamsLine), ...style };
  return { type: 'RichTextBlock', inlines: [run] };
}
