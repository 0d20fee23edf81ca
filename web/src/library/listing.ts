import type { AssetPage, FeedEvent } from '../api/types';

/** One filter's pages of the library: which assets, in which order. The assets themselves live in the store. */
export interface Listing {
  /** The filter as the query of an address; empty for the whole library. */
  query: string;
  ids: readonly string[];
  next: string | null;
  status: 'loading' | 'more' | 'idle' | 'failed';
  error: string | null;
}

export function startListing(query: string): Listing {
  return { query, ids: [], next: null, status: 'loading', error: null };
}

export function firstPage(listing: Listing, page: AssetPage): Listing {
  return {
    ...listing,
    ids: page.items.map((asset) => asset.id),
    next: page.next,
    status: 'idle',
    error: null,
  };
}

/** Appends a page; an asset that moved between two pages appears once. */
export function nextPage(listing: Listing, page: AssetPage): Listing {
  const ids = [...new Set([...listing.ids, ...page.items.map((asset) => asset.id)])];
  return { ...listing, ids, next: page.next, status: 'idle', error: null };
}

/** The newest page read again after a gap: its assets lead, what was already paged in follows. */
export function refreshed(listing: Listing, page: AssetPage): Listing {
  if (page.next === null) return firstPage(listing, page);
  const fresh = page.items.map((asset) => asset.id);
  const oldest = fresh.at(-1);
  const from = oldest === undefined ? -1 : listing.ids.indexOf(oldest);
  if (from < 0) return firstPage(listing, page);
  return { ...listing, ids: [...fresh, ...listing.ids.slice(from + 1)], status: 'idle', error: null };
}

/** New assets lead the unfiltered library, deleted ones leave every listing. */
export function listingAfter(listing: Listing, event: FeedEvent): Listing {
  if (event.kind === 'asset.deleted') return withoutId(listing, event.id);
  if (event.kind !== 'asset.created' || listing.query !== '') return listing;
  if (listing.ids.includes(event.asset.id)) return listing;
  return { ...listing, ids: [event.asset.id, ...listing.ids] };
}

export function withoutId(listing: Listing, id: string): Listing {
  if (!listing.ids.includes(id)) return listing;
  return { ...listing, ids: listing.ids.filter((known) => known !== id) };
}
