import { useSyncExternalStore } from 'react';

const STEP_MS = 30_000;
const step = () => Math.floor(Date.now() / STEP_MS) * STEP_MS;

function subscribe(listener: () => void): () => void {
  const timer = setInterval(listener, STEP_MS);
  return () => clearInterval(timer);
}

/** The present time in Unix milliseconds, to the half minute. */
export const useNow = (): number => useSyncExternalStore(subscribe, step);
