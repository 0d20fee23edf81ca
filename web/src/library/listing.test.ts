import { expect, test } from 'vitest';
import { assetWith } from '../testing/asset';
import { firstPage, listingAfter, nextPage, refreshed, startListing } from './listing';

const page = (ids: string[], next: string | null = null) => ({
  items: ids.map((id) => assetWith({ id })),
  next,
});
const listed = (ids: string[], next: string | null = null, query = '') =>
  firstPage(startListing(query), page(ids, next));

test('pages follow each other without doubles', () => {
  const listing = nextPage(listed(['c', 'b'], 'cursor'), page(['b', 'a']));
  expect(listing.ids).toEqual(['c', 'b', 'a']);
  expect(listing.next).toBeNull();
});

test('a new asset leads the whole library but not a search', () => {
  const created = { kind: 'asset.created' as const, asset: assetWith({ id: 'new' }) };
  expect(listingAfter(listed(['a']), created).ids).toEqual(['new', 'a']);
  expect(listingAfter(listed(['a'], null, 'film'), created).ids).toEqual(['a']);
  const once = listingAfter(listed(['a']), created);
  expect(listingAfter(once, created)).toBe(once);
});

test('a deleted asset leaves', () => {
  expect(listingAfter(listed(['b', 'a']), { kind: 'asset.deleted', id: 'b' }).ids).toEqual(['a']);
});

test('progress leaves the order alone', () => {
  const listing = listed(['a']);
  expect(
    listingAfter(listing, { kind: 'asset.progress', progress: { asset: 'a', percent: 1, tracks: [] } }),
  ).toBe(listing);
});

test('a refresh renews the head and keeps what was paged in', () => {
  const listing = nextPage(listed(['d', 'c'], 'two'), page(['b', 'a'], 'three'));
  const after = refreshed(listing, page(['e', 'd', 'c'], 'new two'));
  expect(after.ids).toEqual(['e', 'd', 'c', 'b', 'a']);
  expect(after.next).toBe('three');
});

test('a refresh that does not meet the old pages starts afresh', () => {
  const after = refreshed(listed(['b', 'a'], 'two'), page(['z', 'y'], 'next'));
  expect(after.ids).toEqual(['z', 'y']);
  expect(after.next).toBe('next');
});

test('a refresh that holds the whole library replaces it', () => {
  expect(refreshed(listed(['b', 'a', 'gone']), page(['b', 'a'])).ids).toEqual(['b', 'a']);
});
