import { signal } from '@preact/signals';
import { language } from './strings/strings.ts';

/** The only place that reads the time of the browser. Milliseconds since 1970. */
export const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 15_000);

let lastInput = Date.now();
for (const type of ['pointerdown', 'keydown'])
  addEventListener(type, () => {
    lastInput = Date.now();
  });

/** For how long no one has used the page. */
export const idleSeconds = (): number => (Date.now() - lastInput) / 1000;

/** Calls `action` after a while. @returns what takes that back */
export function later(milliseconds: number, action: () => void): () => void {
  const timeout = setTimeout(action, milliseconds);
  return () => clearTimeout(timeout);
}

/** Calls `action` again and again while the page can be seen. @returns what ends it */
export function everySeconds(seconds: number, action: () => void): () => void {
  const act = () => {
    if (document.visibilityState === 'visible') action();
  };
  const interval = setInterval(act, seconds * 1000);
  document.addEventListener('visibilitychange', act);
  return () => {
    clearInterval(interval);
    document.removeEventListener('visibilitychange', act);
  };
}

/** As the browser's own language writes dates, if that is the language of the page. */
const locale = navigator.languages.find((tag) => tag.slice(0, 2) === language) ?? language;
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
const absolute = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
const withSeconds = new Intl.DateTimeFormat(locale, {
  dateStyle: 'medium',
  timeStyle: 'medium',
});
const onlyDate = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
const monthAndYear = new Intl.DateTimeFormat(locale, { month: 'long', year: 'numeric' });
const units = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

/** `in 3 days`, `2 hours ago` */
export function fromNow(instant: string): string {
  // What has just happened is later than `now`, which changes every 15 seconds.
  const seconds = (Date.parse(instant) - Math.max(now.value, Date.now())) / 1000;
  // Days are what people count certificates in, up to two months.
  for (const [unit, length] of units) {
    const least = unit === 'month' ? length * 2 : length;
    if (Math.abs(seconds) >= least) return relative.format(Math.round(seconds / length), unit);
  }
  return relative.format(Math.round(seconds), 'second');
}

/** `29 Nov 2026, 20:15`, in the reader's zone */
export const dateTime = (instant: string): string => absolute.format(new Date(instant));
/** `29 Nov 2026, 20:15:07`, in the reader's zone */
export const toTheSecond = (instant: string): string => withSeconds.format(new Date(instant));
/** `29 Nov 2026`, in the reader's zone */
export const date = (instant: string): string => onlyDate.format(new Date(instant));
/** How many days lie between now and an instant; negative in the past. */
export const daysUntil = (instant: string): number =>
  (Date.parse(instant) - now.value) / 86_400_000;
/** `November 2026`, in the reader's zone */
export const monthTitle = (at: Date): string => monthAndYear.format(at);
/** `Sun` or `Sunday`, in the reader's zone */
export const weekday = (at: Date, length: 'short' | 'long'): string =>
  new Intl.DateTimeFormat(locale, { weekday: length }).format(at);
