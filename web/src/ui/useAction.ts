import { useState } from 'react';
import { reasonOf } from '../api/problem';

interface Action {
  busy: boolean;
  error: string | null;
  run: (work: () => Promise<unknown>) => void;
}

/** Runs one call at a time and keeps the words of its failure. */
export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = (work: () => Promise<unknown>) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    work().then(
      () => setBusy(false),
      (failure: unknown) => {
        setBusy(false);
        setError(reasonOf(failure));
      },
    );
  };
  return { busy, error, run };
}
