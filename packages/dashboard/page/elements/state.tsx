import type { ComponentChildren } from 'preact';
import { words } from '../words.ts';

type StateName = keyof typeof words.states;

const marks = { good: '✓', busy: '↻', warn: '!', bad: '✕', calm: '–' } as const;
export type Tone = keyof typeof marks;

/** How urgent each state is. A mark and the word say the same as the colour. */
const tones: Readonly<Record<StateName, Tone>> = {
  valid: 'good',
  succeeded: 'good',
  current: 'good',
  due: 'busy',
  pending: 'busy',
  running: 'busy',
  unissued: 'busy',
  waiting: 'busy',
  behind: 'warn',
  paused: 'calm',
  cancelled: 'calm',
  deactivated: 'calm',
  failing: 'bad',
  failed: 'bad',
  undelivered: 'bad',
  revoked: 'bad',
  expired: 'bad',
};

export function State({ state }: { readonly state: string }) {
  const tone = Object.hasOwn(tones, state) ? tones[state as StateName] : 'calm';
  const word = Object.hasOwn(words.states, state) ? words.states[state as StateName] : state;
  return <Mark tone={tone}>{word}</Mark>;
}

/** A word with a mark and a colour that say how urgent it is. */
export function Mark({
  tone,
  children,
}: {
  readonly tone: Tone;
  readonly children: ComponentChildren;
}) {
  return (
    <span class={`state ${tone}`}>
      <span aria-hidden="true">{marks[tone]}</span> {children}
    </span>
  );
}
