import { Copy } from '../../elements/copy.tsx';
import { may, type Scope } from '../../session.ts';
import { strings } from '../../strings/strings.ts';

const words = await strings('overview');

interface Step {
  readonly name: keyof typeof words.steps;
  readonly command: string;
  /** The screen that does the same, and what it needs. */
  readonly screen?: readonly [url: string, scope: Scope];
}
const steps: readonly Step[] = [
  { name: 'configure', command: 'acmex config check' },
  {
    name: 'account',
    command: 'acmex account register --email you@example.com --accept-tos',
    screen: ['/accounts', 'accounts:read'],
  },
  {
    name: 'order',
    command: 'acmex obtain -d www.example.com',
    screen: ['/new', 'orders:write'],
  },
  {
    name: 'key',
    command: 'acmex server key create --scopes certificates:read',
    screen: ['/keys', 'keys:read'],
  },
];

/** What to do first on a new server. */
export function FirstSteps() {
  return (
    <section class="panel" aria-labelledby="first">
      <h2 id="first">{words.first}</h2>
      <p>{words.firstText}</p>
      <ol class="steps">
        {steps.map(({ name, command, screen }) => (
          <li key={name}>
            <strong>{words.steps[name].title}</strong>
            <p>{words.steps[name].text}</p>
            {screen && may(screen[1]) ? (
              <a class="button" href={screen[0]}>
                {words.steps[name].action}
              </a>
            ) : null}
            <div class="command">
              <code>{command}</code>
              <Copy text={command} label={command} />
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
