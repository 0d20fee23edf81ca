import { useSession } from '../session/session';
import { Link, usePath } from '../state/router';
import { Notice } from '../ui/Notice';
import { usePageTitle } from '../ui/usePageTitle';

export function NoSuchFilm() {
  usePageTitle('Not found');
  const signedIn = useSession().status === 'in';
  const path = usePath();
  return (
    <Notice icon="film" title="There is nothing to watch here">
      <p>It may have been deleted, be private, or the link may have expired.</p>
      {signedIn ? (
        <Link className="button button-primary" href="/">
          To the library
        </Link>
      ) : (
        <Link
          className="button button-primary"
          href={`/signin?${new URLSearchParams({ next: path }).toString()}`}
        >
          Sign in
        </Link>
      )}
    </Notice>
  );
}
