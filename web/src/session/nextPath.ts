/** The page to go to after signing in: a path of this site, else the library. */
export function nextPath(search: string): string {
  const next = new URLSearchParams(search).get('next');
  return next !== null && /^\/(?![/\\])/.test(next) ? next : '/';
}
