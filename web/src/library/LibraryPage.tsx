import { useEffect, useRef } from 'react';
import { mayCreate, useSession } from '../session/session';
import { navigate, useSearch } from '../state/router';
import { chooseAndUpload } from '../upload/useUploads';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { Notice } from '../ui/Notice';
import { usePageTitle } from '../ui/usePageTitle';
import { AssetCard } from './AssetCard';
import { filterOf, searchOf } from './filter';
import { FilterMenus } from './FilterMenus';
import type { Listing } from './listing';
import { SearchField } from './SearchField';
import { loadMore, retryListing, useListing } from './useListing';

export function LibraryPage() {
  usePageTitle('Library');
  const filter = filterOf(useSearch());
  const listing = useListing(searchOf(filter));
  return (
    <div className="page">
      <div className="library-head">
        <h1 className="page-title">Library</h1>
        <div className="library-tools">
          <FilterMenus filter={filter} />
          <SearchField filter={filter} />
        </div>
      </div>
      <LibraryBody listing={listing} />
    </div>
  );
}

function LibraryBody({ listing }: { listing: Listing }) {
  if (listing.ids.length > 0) return <LibraryGrid listing={listing} />;
  if (listing.status === 'loading') return <Skeletons />;
  if (listing.status === 'failed') {
    return (
      <Notice icon="alert" title="The library could not be loaded">
        <p>{listing.error}</p>
        <Button look="primary" icon="replay" onClick={retryListing}>
          Try again
        </Button>
      </Notice>
    );
  }
  return listing.query === '' ? <EmptyLibrary /> : <NothingFound query={filterOf(listing.query).q} />;
}

function LibraryGrid({ listing }: { listing: Listing }) {
  return (
    <>
      <ul className="grid" data-testid="library">
        {listing.ids.map((id) => (
          <AssetCard key={id} id={id} />
        ))}
      </ul>
      {listing.next !== null && <MoreButton listing={listing} />}
    </>
  );
}

/** Loads the next page when it comes near the screen, or when pressed. */
function MoreButton({ listing }: { listing: Listing }) {
  const place = useRef<HTMLDivElement>(null);
  const failed = listing.status === 'failed';
  useEffect(() => {
    if (!place.current || failed) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && loadMore(), {
      rootMargin: '600px',
    });
    observer.observe(place.current);
    return () => observer.disconnect();
    // Observed anew after each page: a tall screen may need the next one at once.
  }, [failed, listing.ids.length]);
  return (
    <div ref={place} className="more">
      {failed && <p className="soft">{listing.error}</p>}
      <Button busy={listing.status === 'more'} onClick={failed ? retryListing : loadMore} data-testid="more">
        {failed ? 'Try again' : 'Show more'}
      </Button>
    </div>
  );
}

function Skeletons() {
  return (
    <div className="grid" aria-busy="true" aria-label="Loading the library">
      {Array.from({ length: 8 }, (_, at) => (
        <div key={at} className="card skeleton">
          <div className="card-poster" />
          <span className="card-title" />
          <span className="card-facts" />
        </div>
      ))}
    </div>
  );
}

function EmptyLibrary() {
  return mayCreate(useSession()) ? <FirstUpload /> : <NothingYet />;
}

function FirstUpload() {
  return (
    <div className="drop-zone drop-zone-tall" data-testid="empty-library">
      <Icon name="film" size={44} />
      <p>
        <strong>Bring in the first film</strong>
        <span className="soft fine-only">
          Drop a film or a piece of music anywhere on this page. It can be watched while it is still being
          transcoded.
        </span>
        <span className="soft coarse-only">It can be watched while it is still being transcoded.</span>
      </p>
      <Button look="primary" icon="plus" onClick={chooseAndUpload}>
        Choose files
      </Button>
    </div>
  );
}

function NothingYet() {
  return (
    <div className="drop-zone drop-zone-tall" data-testid="empty-library">
      <Icon name="film" size={44} />
      <p>
        <strong>Nothing here yet</strong>
        <span className="soft">Films appear here as soon as a creator uploads them.</span>
      </p>
    </div>
  );
}

function NothingFound({ query }: { query: string }) {
  return (
    <Notice icon="search" title={query === '' ? 'Nothing like this' : `Nothing found for “${query}”`}>
      <Button onClick={() => navigate('/', { replace: true })}>Show the whole library</Button>
    </Notice>
  );
}
