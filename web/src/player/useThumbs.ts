import { useEffect, useState } from 'react';
import { parseThumbs, type ThumbCue } from './thumbs';

const CACHED_MAX = 50;
const cache = new Map<string, Promise<ThumbCue[]>>();

function load(url: string): Promise<ThumbCue[]> {
  const known = cache.get(url);
  if (known) return known;
  const loading = fetchThumbs(url);
  cache.set(url, loading);
  loading.catch(() => cache.delete(url));
  const [oldest] = cache.keys();
  if (cache.size > CACHED_MAX && oldest !== undefined) cache.delete(oldest);
  return loading;
}

async function fetchThumbs(url: string): Promise<ThumbCue[]> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`Thumbnails answered with status ${response.status}.`);
  return parseThumbs(await response.text(), response.url);
}

const NONE: readonly ThumbCue[] = [];

/** The sprite tiles behind a WebVTT address, fetched once wanted; none while loading or without them. */
export function useThumbs(url: string | null, wanted: boolean): readonly ThumbCue[] {
  const [loaded, setLoaded] = useState<{ url: string; cues: ThumbCue[] } | null>(null);
  useEffect(() => {
    if (url === null || !wanted) return;
    let current = true;
    load(url).then(
      (cues) => current && setLoaded({ url, cues }),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [url, wanted]);
  return loaded !== null && loaded.url === url ? loaded.cues : NONE;
}
