import { signal } from '@preact/signals';
import { later } from '../time.ts';

const messages = signal<readonly { readonly id: number; readonly text: string }[]>([]);
let lastId = 0;

/** Says that something has happened: shown for a while, and read out. */
export function announce(text: string): void {
  const id = ++lastId;
  messages.value = [...messages.value, { id, text }];
  later(8000, () => {
    messages.value = messages.value.filter((message) => message.id !== id);
  });
}

export function Announcements() {
  return (
    <div class="announcements" role="status" aria-live="polite">
      {messages.value.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
