import { useCallback, useEffect, useState } from 'react';
import { getWatch } from '../api/calls';
import { isAbort, Problem, reasonOf } from '../api/problem';
import type { Watch } from '../api/types';
import { isFinal, mergeWatch } from './watching';

const POLL_MS = 4_000;

export type Watching =
  | { status: 'loading' }
  | { status: 'missing' }
  | { status: 'failed'; reason: string }
  | { status: 'loaded'; watch: Watch };

interface WatchHook {
  watching: Watching;
  /** Asks again; `fresh` also takes the stream's new address. */
  reload: (fresh: boolean) => void;
}

const lookedUp = (before: Watching, watch: Watch, fresh: boolean): Watching => ({
  status: 'loaded',
  watch: before.status === 'loaded' && !fresh ? mergeWatch(before.watch, watch) : watch,
});

/** A film that is on screen stays there when a later look-up fails. */
function refused(before: Watching, error: unknown): Watching {
  if (before.status === 'loaded') return before;
  const missing = error instanceof Problem && error.status === 404;
  return missing ? { status: 'missing' } : { status: 'failed', reason: reasonOf(error) };
}

/** What may be known of a film, asked again every few seconds until it is finished. */
export function useWatch(id: string, token: string | null): WatchHook {
  const [watching, setWatching] = useState<Watching>({ status: 'loading' });
  const [request, setRequest] = useState({ fresh: false });
  const reload = useCallback((fresh: boolean) => setRequest({ fresh }), []);

  useEffect(() => {
    const abort = new AbortController();
    getWatch(id, token, abort.signal).then(
      (watch) => setWatching((before) => lookedUp(before, watch, request.fresh)),
      (error: unknown) => !isAbort(error) && setWatching((before) => refused(before, error)),
    );
    return () => abort.abort();
  }, [id, token, request]);

  const unfinished = watching.status === 'loaded' && !isFinal(watching.watch);
  useEffect(() => {
    if (!unfinished) return;
    const timer = setInterval(() => !document.hidden && reload(false), POLL_MS);
    return () => clearInterval(timer);
  }, [unfinished, reload]);

  return { watching, reload };
}
