import { useEffect } from 'react';
import { openFeed } from '../api/feed';
import { getAsset } from '../api/calls';
import type { Asset, FeedEvent } from '../api/types';
import { createStore, useStore } from '../state/store';
import { applyEvent, upsert, type Assets } from './apply';

const FEED_URL = '/api/v1/events';
/** A hidden page gives its connection back after this long; browsers allow six per site over HTTP/1.1. */
const HIDDEN_MS_MAX = 30_000;

/** Every asset this page has seen, kept fresh by the feed. */
export const assetsStore = createStore<Assets>(new Map());
export const feedConnected = createStore(true);

type Listener = (event: FeedEvent) => void;
const eventListeners = new Set<Listener>();
const gapListeners = new Set<() => void>();

export const rememberAssets = (assets: readonly Asset[]): void =>
  assetsStore.set((known) => upsert(known, assets));

export const forgetAllAssets = (): void => assetsStore.set(() => new Map());

export const useAsset = (id: string | null): Asset | null =>
  useStore(assetsStore, (assets) => (id === null ? null : (assets.get(id) ?? null)));

export function onFeedEvent(listener: Listener): () => void {
  eventListeners.add(listener);
  return () => eventListeners.delete(listener);
}

export function onFeedGap(listener: () => void): () => void {
  gapListeners.add(listener);
  return () => gapListeners.delete(listener);
}

/** Takes in one event: of the feed, or of what this page did itself. */
export function receive(event: FeedEvent): void {
  assetsStore.set((known) => applyEvent(known, event));
  for (const listener of eventListeners) listener(event);
}

function followFeed(onRefused: () => void): () => void {
  return openFeed(FEED_URL, {
    onEvent: receive,
    onGap: () => gapListeners.forEach((listener) => listener()),
    onConnected: (connected) => feedConnected.set(() => connected),
    onRefused,
  });
}

/** Holds the tenant's event stream open while `enabled` and the page is in sight. */
export function useFeed(enabled: boolean, onRefused: () => void): void {
  useEffect(() => {
    if (!enabled) return;
    let close: (() => void) | null = followFeed(onRefused);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hide = () => {
      close?.();
      close = null;
    };
    const show = () => {
      if (close) return;
      close = followFeed(onRefused);
      gapListeners.forEach((listener) => listener());
    };
    const onVisibility = () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(hide, HIDDEN_MS_MAX);
      else show();
    };
    document.addEventListener('visibilitychange', onVisibility);
    return () => {
      document.removeEventListener('visibilitychange', onVisibility);
      clearTimeout(timer);
      close?.();
    };
  }, [enabled, onRefused]);
}

/** Loads an asset the page does not know yet and again after a gap in the feed. */
export function useFreshAsset(id: string | null): Asset | null {
  useEffect(() => {
    if (id === null) return;
    const abort = new AbortController();
    const load = () => {
      getAsset(id, abort.signal).then(
        (asset) => rememberAssets([asset]),
        () => undefined,
      );
    };
    load();
    const stop = onFeedGap(load);
    return () => {
      stop();
      abort.abort();
    };
  }, [id]);
  return useAsset(id);
}
