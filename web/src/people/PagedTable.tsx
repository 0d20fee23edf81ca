import type { ReactNode } from 'react';
import { Button } from '../ui/Button';
import type { usePages } from '../ui/usePages';

interface PagedTableProps<T> {
  pages: ReturnType<typeof usePages<T>>;
  /** What a screen reader calls it. */
  label: string;
  heads: readonly string[];
  row: (item: T) => ReactNode;
  testId: string;
}

/** A table that grows page by page; on narrow screens each row is a card. */
export function PagedTable<T>({ pages, label, heads, row, testId }: PagedTableProps<T>) {
  return (
    <>
      {pages.error !== null && (
        <p className="form-error" role="alert">
          {pages.error}
          <Button icon="replay" onClick={pages.reload}>
            Try again
          </Button>
        </p>
      )}
      <table className="table" aria-label={label} data-testid={testId} aria-busy={pages.busy || undefined}>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{pages.items.map(row)}</tbody>
      </table>
      {pages.loaded && pages.items.length === 0 && <p className="soft">Nothing here yet.</p>}
      {pages.more && (
        <div className="more">
          <Button busy={pages.busy} onClick={pages.more}>
            Show more
          </Button>
        </div>
      )}
    </>
  );
}
