import type { ReactNode } from 'react';

interface TableProps {
  title: string;
  columns: readonly string[];
  /** A key and a cell for each column. */
  rows: readonly { key: string; cells: readonly ReactNode[] }[];
  /** Said instead of an empty table. */
  empty: string;
  error: string | null;
}

/** A panel with a table; the first column names its row. */
export function Table({ title, columns, rows, empty, error }: TableProps) {
  return (
    <section
      className="operations-panel"
      data-testid={`operations-${title.toLowerCase().replaceAll(' ', '-')}`}
    >
      <h2>{title}</h2>
      {error !== null && (
        <p className="small operations-error" role="status">
          {error}
        </p>
      )}
      {rows.length === 0 ? (
        <p className="soft">{empty}</p>
      ) : (
        <div className="operations-scroll" tabIndex={0} role="group" aria-label={title}>
          <table>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column} scope="col">
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ key, cells: [first, ...rest] }) => (
                <tr key={key}>
                  <th scope="row">{first}</th>
                  {rest.map((cell, index) => (
                    <td key={columns[index + 1]}>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
