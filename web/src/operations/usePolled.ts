import { useEffect, useState } from 'react';
import { reasonOf } from '../api/problem';

interface Polled<T> {
  value: T | null;
  /** Why the last look failed; what was seen before stays. */
  error: string | null;
}

/** Asks again and again while the page is visible. `ask` must be the same function from render to render. */
export function usePolled<T>(ask: (signal: AbortSignal) => Promise<T>, everyMs: number): Polled<T> {
  const [state, setState] = useState<Polled<T>>({ value: null, error: null });
  useEffect(() => {
    const ended = new AbortController();
    let timer = 0;
    const look = async () => {
      if (!document.hidden) {
        try {
          const value = await ask(ended.signal);
          setState({ value, error: null });
        } catch (failure) {
          if (ended.signal.aborted) return;
          setState(({ value }) => ({ value, error: reasonOf(failure) }));
        }
      }
      timer = window.setTimeout(() => void look(), everyMs);
    };
    void look();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [ask, everyMs]);
  return state;
}
