import { useSyncExternalStore, type ComponentProps, type MouseEvent } from 'react';

export type Route =
  | { page: 'library' }
  | { page: 'upload' }
  | { page: 'signin' }
  | { page: 'people' | 'audit' | 'account' | 'operations' | 'webhooks' | 'channels' }
  | { page: 'setup'; secret: string }
  | { page: 'watch' | 'embed' | 'live' | 'room'; id: string }
  | { page: 'missing' };

const NAVIGATED = 'nexus:navigated';
const OBJECT_ID = /^[A-Za-z0-9_-]{1,64}$/;
const PLAIN_PAGES = [
  'upload',
  'signin',
  'people',
  'audit',
  'account',
  'operations',
  'webhooks',
  'channels',
] as const;

/** The page behind a path. */
export function routeOf(path: string): Route {
  const [first = '', id, ...rest] = path.replace(/^\/|\/$/g, '').split('/');
  if (first === 'watch' && id === 'live' && rest.length === 1) return objectPage('live', rest[0]);
  if (rest.length > 0) return { page: 'missing' };
  if (first === 'channels' && id !== undefined) return objectPage('room', id);
  if (first === 'watch' || first === 'embed') return objectPage(first, id);
  if (first === 'setup') return id === undefined ? { page: 'missing' } : { page: 'setup', secret: id };
  if (id !== undefined) return { page: 'missing' };
  if (first === '') return { page: 'library' };
  const page = PLAIN_PAGES.find((name) => name === first);
  return { page: page ?? 'missing' };
}

function objectPage(page: 'watch' | 'embed' | 'live' | 'room', id: string | undefined): Route {
  return id !== undefined && OBJECT_ID.test(id) ? { page, id } : { page: 'missing' };
}

let followed = false;

/** Whether the viewer came to this page by a click within the site, rather than by its address. */
export const cameByClick = (): boolean => followed;

/** Goes to a path of this site; `replace` leaves no entry in the history. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  followed ||= !replace;
  dispatchEvent(new Event(NAVIGATED));
  if (!replace) scrollTo(0, 0);
}

function subscribe(listener: () => void): () => void {
  addEventListener('popstate', listener);
  addEventListener(NAVIGATED, listener);
  return () => {
    removeEventListener('popstate', listener);
    removeEventListener(NAVIGATED, listener);
  };
}

export const usePath = (): string => useSyncExternalStore(subscribe, () => location.pathname);
export const useSearch = (): string => useSyncExternalStore(subscribe, () => location.search);

/** An anchor that changes page without loading the site anew. */
export function Link({ href, onClick, ...rest }: ComponentProps<'a'> & { href: string }) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0 || hasModifier(event)) return;
    event.preventDefault();
    navigate(href);
  };
  return <a {...rest} href={href} onClick={follow} />;
}

const hasModifier = (event: MouseEvent): boolean =>
  event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
