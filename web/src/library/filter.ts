import type { AssetFilter } from '../api/calls';
import type { AssetState, Visibility } from '../api/types';
import { STATE_LABELS, VISIBILITIES } from '../catalogue/words';

export const STATES = Object.keys(STATE_LABELS) as readonly AssetState[];

const oneOf = <T extends string>(known: readonly T[], text: string | null): T | null =>
  known.find((name) => name === text) ?? null;

/** What an address of the library asks for; values it does not know narrow nothing. */
export function filterOf(search: string): AssetFilter {
  const query = new URLSearchParams(search);
  return {
    q: query.get('q') ?? '',
    state: oneOf<AssetState>(STATES, query.get('state')),
    visibility: oneOf<Visibility>(VISIBILITIES, query.get('visibility')),
  };
}

/** The same filter as the query of an address; empty for the whole library. */
export function searchOf({ q, state, visibility }: AssetFilter): string {
  const query = new URLSearchParams();
  if (q !== '') query.set('q', q);
  if (state) query.set('state', state);
  if (visibility) query.set('visibility', visibility);
  return query.toString();
}

/** Path of the library narrowed by a filter. */
export function libraryPath(filter: AssetFilter): string {
  const search = searchOf(filter);
  return search === '' ? '/' : `/?${search}`;
}
