import { useEffect } from 'react';
import { listAssets } from '../api/calls';
import { isAbort, reasonOf } from '../api/problem';
import type { AssetPage } from '../api/types';
import { onFeedEvent, onFeedGap, rememberAssets } from '../catalogue/assets';
import { createStore, useStore } from '../state/store';
import { filterOf } from './filter';
import { firstPage, listingAfter, nextPage, refreshed, startListing, type Listing } from './listing';

const listingStore = createStore<Listing | null>(null);
let pending: AbortController | null = null;

type Merge = (listing: Listing, page: AssetPage) => Listing;

/** One request at a time; an answer for a query that has been replaced is dropped. */
async function fetchPage(query: string, after: string | null, merge: Merge): Promise<void> {
  pending?.abort();
  const abort = new AbortController();
  pending = abort;
  try {
    const page = await listAssets({ ...filterOf(query), after, signal: abort.signal });
    rememberAssets(page.items);
    listingStore.set((listing) => (listing ? merge(listing, page) : listing));
  } catch (error) {
    if (isAbort(error)) return;
    listingStore.set((listing) => listing && { ...listing, status: 'failed', error: reasonOf(error) });
  }
}

function begin(query: string): void {
  listingStore.set(() => startListing(query));
  void fetchPage(query, null, firstPage);
}

export function loadMore(): void {
  const listing = listingStore.get();
  if (listing?.status !== 'idle' || listing.next === null) return;
  listingStore.set(() => ({ ...listing, status: 'more' }));
  void fetchPage(listing.query, listing.next, nextPage);
}

export function retryListing(): void {
  const listing = listingStore.get();
  if (!listing) return;
  if (listing.ids.length === 0) return begin(listing.query);
  listingStore.set(() => ({ ...listing, status: 'idle' }));
  loadMore();
}

function refresh(): void {
  const listing = listingStore.get();
  if (listing) void fetchPage(listing.query, null, refreshed);
}

/** The library for a query; coming back to the same query shows what was loaded and freshens it. */
export function useListing(query: string): Listing {
  useEffect(() => {
    if (listingStore.get()?.query === query) refresh();
    else begin(query);
    const stops = [
      onFeedGap(refresh),
      onFeedEvent((event) => listingStore.set((listing) => listing && listingAfter(listing, event))),
    ];
    return () => stops.forEach((stop) => stop());
  }, [query]);
  const listing = useStore(listingStore, (value) => value);
  return listing?.query === query ? listing : startListing(query);
}

/** Forgets the pages of a session that ended. */
export function forgetListing(): void {
  pending?.abort();
  listingStore.set(() => null);
}
