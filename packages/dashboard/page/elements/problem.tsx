import type { Failure } from '../server.ts';
import { words } from '../words.ts';

/** A failure in the words of who refused, what to do about it, and a button for it. */
export function Problem({
  failure: { message, cure, code },
  onRetry,
}: {
  readonly failure: Failure;
  readonly onRetry?: (() => void) | undefined;
}) {
  return (
    <div class="problem" role="alert">
      <p>{message}</p>
      {cure ? (
        <p>
          <strong>{words.whatToDo}:</strong> {cure}
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
