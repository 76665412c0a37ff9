import { useSignal } from '@preact/signals';
import { Field } from '../../elements/field.tsx';
import { ask } from '../../elements/ask.tsx';
import { strings } from '../../strings/strings.ts';

const words = await strings('certificates');
const storedAs = 'acmex-views';

/** A filter with a name, in this browser. */
interface View {
  readonly name: string;
  readonly url: string;
}

export function SavedViews({ current }: { readonly current: string }) {
  const views = useSignal(stored());
  const store = (changed: readonly View[]) => {
    localStorage.setItem(storedAs, JSON.stringify(changed));
    views.value = changed;
  };
  const save = () =>
    ask({
      title: words.saveView,
      content: (
        <Field label={words.viewName}>
          {(attributes) => <input {...attributes} name="name" required maxLength={60} />}
        </Field>
      ),
      action: words.saveView,
      run: async (form) => {
        const name = String(form.get('name'));
        const rest = views.value.filter((view) => view.name !== name);
        store([...rest, { name, url: current }]);
      },
    });
  const isSaveable = current.includes('?') && !views.value.some(({ url }) => url === current);
  if (views.value.length === 0 && !isSaveable) return null;
  return (
    <section class="views" aria-label={words.views}>
      {views.value.map(({ name, url }) => (
        <span key={name} class="view">
          <a href={url}>{name}</a>
          <button
            type="button"
            class="quiet"
            aria-label={words.removeView(name)}
            onClick={() => store(views.value.filter((view) => view.name !== name))}
          >
            ×
          </button>
        </span>
      ))}
      {isSaveable ? (
        <button type="button" class="quiet" onClick={save}>
          {words.saveView}
        </button>
      ) : null}
    </section>
  );
}

/** The views of this browser, without what is not one. */
function stored(): readonly View[] {
  try {
    const views = JSON.parse(localStorage.getItem(storedAs) ?? '[]') as unknown;
    if (!Array.isArray(views)) return [];
    return views.filter(
      (view: Partial<View> | null): view is View =>
        typeof view?.name === 'string' && /^\/certificates\?/.test(view.url ?? ''),
    );
  } catch {
    return [];
  }
}
