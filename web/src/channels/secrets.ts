import type { RevealedChannel } from '../api/live';
import { createStore, useStore } from '../state/store';

/** Secrets that have just been made, until the page is left or they were put away. They are kept nowhere else. */
const revealedStore = createStore<RevealedChannel | null>(null);

export const reveal = (channel: RevealedChannel): void => revealedStore.set(() => channel);
export const putAway = (): void => revealedStore.set(() => null);

/** The secrets of a channel, while they are known. */
export function useRevealed(id: string): RevealedChannel | null {
  return useStore(revealedStore, (value) => (value?.channel === id && value.key !== null ? value : null));
}
