import { useCallback, useEffect, useState } from 'react';
import { reasonOf } from '../api/problem';
import type { Page } from '../api/types';

interface Pages<T> {
  items: readonly T[];
  /** Whether the first page has come. */
  loaded: boolean;
  busy: boolean;
  error: string | null;
  /** Loads the next page; absent on the last. */
  more: (() => void) | null;
  /** Loads the list anew, as after a change. */
  reload: () => void;
}

interface Shown<T> {
  items: readonly T[];
  next: string | null;
}

/** A list that comes page by page. `load` must be the same function on every call. */
export function usePages<T>(load: (after: string | null) => Promise<Page<T>>): Pages<T> {
  const [shown, setShown] = useState<Shown<T> | null>(null);
  const [busy, setBusy] = useState(true);
  const [error, setError] = useState<string | null>(null);
  const arrive = useCallback(
    (after: string | null) =>
      load(after).then(
        (page) => {
          setShown((before) => ({
            items: after === null ? page.items : [...(before?.items ?? []), ...page.items],
            next: page.next,
          }));
          setError(null);
          setBusy(false);
        },
        (failure: unknown) => {
          setError(reasonOf(failure));
          setBusy(false);
        },
      ),
    [load],
  );
  useEffect(() => void arrive(null), [arrive]);
  const fetchFrom = (after: string | null) => {
    setBusy(true);
    void arrive(after);
  };
  const next = shown?.next ?? null;
  return {
    items: shown?.items ?? [],
    loaded: shown !== null,
    busy,
    error,
    more: next === null ? null : () => fetchFrom(next),
    reload: () => fetchFrom(null),
  };
}
