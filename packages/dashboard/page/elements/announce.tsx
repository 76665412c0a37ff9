import { signal } from '@preact/signals';
import { failureOf } from '../server.ts';
import { later } from '../time.ts';
import { visibleText } from '../visible-text.ts';

interface Message {
  readonly text: string;
  /** That of the page by default. */
  readonly lang?: 'en';
}

const messages = signal<readonly (Message & { readonly id: number })[]>([]);
let lastId = 0;

/** Says that something has happened: shown for a while, and read out. */
export function announce(text: string): void {
  add({ text });
}

/** Says why something has failed, and what to do, in the words of the server. */
export function announceFailure(error: unknown): void {
  const { message, isTranslated, cure } = failureOf(error);
  if (isTranslated) return announce([message, cure].filter(Boolean).join(' '));
  add({ text: cure === undefined ? message : `${message}. ${cure}`, lang: 'en' });
}

function add(message: Message): void {
  const id = ++lastId;
  messages.value = [...messages.value, { id, ...message }];
  later(8000, () => {
    messages.value = messages.value.filter((each) => each.id !== id);
  });
}

export function Announcements() {
  return (
    <div class="announcements" role="status" aria-live="polite">
      {messages.value.map(({ id, text, lang }) => (
        <p key={id} lang={lang}>
          {visibleText(text)}
        </p>
      ))}
    </div>
  );
}
