import type { ComponentChildren } from 'preact';
import type { Loaded } from '../loaded.ts';
import { visibleContent } from '../visible-text.ts';
import { unexpected } from '../server.ts';
import { words } from '../words.ts';
import { Boundary } from './boundary.tsx';
import { Problem } from './problem.tsx';

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => ComponentChildren;
}

interface ListingProps<T> {
  /** What the table shows, for screen readers. */
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
}

/** A table; on a narrow screen each row is a block with the titles beside the values. */
export function Listing<T>({ caption, columns, rows, keyOf }: ListingProps<T>) {
  return (
    <table class="listing">
      <caption class="hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map(({ title }) => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map(({ title, cell }) => (
              <td key={title} data-title={title}>
                <div>{visibleContent(cell(row))}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What was loaded, or that it is being loaded, or why it cannot be. */
export function Waiting<T>({
  loaded: { data, failure, isLoading, reload },
  children,
}: {
  readonly loaded: Loaded<T>;
  readonly children: (data: T) => ComponentChildren;
}) {
  const { value } = data;
  // A part that every answer has is missing in this one.
  const isMissing = value === undefined && !isLoading.value;
  const reason = failure.value ?? (isMissing ? unexpected : undefined);
  return (
    <>
      {reason ? <Problem failure={reason} onRetry={reload} /> : null}
      {value === undefined && !reason ? <p class="loading">{words.loading}</p> : null}
      {value === undefined ? null : (
        <Boundary subject={value} onRetry={reload}>
          <Content data={value} show={children} />
        </Boundary>
      )}
    </>
  );
}

/** Below the boundary, so that it catches what showing the data throws. */
function Content<T>({
  data,
  show,
}: {
  readonly data: T;
  readonly show: (data: T) => ComponentChildren;
}) {
  return <>{show(data)}</>;
}
