import type { Failure } from '../server.ts';
import { words } from '../words.ts';
import { ServerText } from './server-text.tsx';

/** A failure in the words of who refused, what to do about it, and a button for it. */
export function Problem({
  failure: { message, isTranslated, cure, code },
  onRetry,
}: {
  readonly failure: Failure;
  readonly onRetry?: (() => void) | undefined;
}) {
  return (
    <div class="problem" role="alert">
      <p>{isTranslated ? message : <ServerText text={message} />}</p>
      {cure ? (
        <p>
          <strong>{words.whatToDo}:</strong> {isTranslated ? cure : <ServerText text={cure} />}
        </p>
      ) : null}
      {code ? (
        <p class="code">
          {words.code} <code>{code}</code>
        </p>
      ) : null}
      {onRetry ? (
        <button type="button" onClick={onRetry}>
          {words.retry}
        </button>
      ) : null}
    </div>
  );
}
