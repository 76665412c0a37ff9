import { useSignal } from '@preact/signals';
import { Problem } from '../../elements/problem.tsx';
import { api, type Failure, failureOf } from '../../server.ts';
import { session } from '../../session.ts';
import { strings } from '../../strings/strings.ts';

const words = await strings('audit');

/** A button that verifies the whole audit log, and its result. */
export function Verify() {
  const result = useSignal<string | undefined>(undefined);
  const failure = useSignal<Failure | undefined>(undefined);
  const isRunning = useSignal(false);
  const { tenant, names = [] } = session.value ?? {};
  // The log has what every tenant does.
  if (tenant !== 'default' || !names.includes('*')) return null;
  const verify = async () => {
    [isRunning.value, result.value, failure.value] = [true, undefined, undefined];
    try {
      const { data } = await api.GET('/api/audit/verify');
      result.value = words.verify.intact(data.records, data.writers, data.checkpoints);
    } catch (error) {
      failure.value = failureOf(error);
    } finally {
      isRunning.value = false;
    }
  };
  return (
    <div class="verify">
      <button type="button" disabled={isRunning.value} onClick={() => void verify()}>
        {isRunning.value ? words.verify.running : words.verify.action}
      </button>
      <p role="status">{result.value}</p>
      {failure.value ? <Problem failure={failure.value} /> : null}
    </div>
  );
}
