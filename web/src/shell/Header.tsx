import { feedConnected } from '../catalogue/assets';
import { mayCreate, useSession } from '../session/session';
import { Link, usePath } from '../state/router';
import { useStore } from '../state/store';
import { Icon } from '../ui/Icon';
import { AccountMenu } from './AccountMenu';
import { Logo } from './Logo';
import { ThemeMenu } from './ThemeMenu';

export function Header() {
  const session = useSession();
  const path = usePath();
  return (
    <header className="header">
      <Link className="brand" href="/" aria-label="Nexus, to the library">
        <Logo size={32} />
        <span>Nexus</span>
      </Link>
      <div className="header-end">
        {session.status === 'in' && <FeedState />}
        {session.status === 'in' && !path.startsWith('/channels') && (
          <Link className="button button-quiet header-live" href="/channels" data-testid="channels-link">
            <Icon name="broadcast" size={18} />
            <span>Live</span>
          </Link>
        )}
        {mayCreate(session) && path !== '/upload' && (
          <Link className="button button-primary header-upload" href="/upload" data-testid="upload-link">
            <Icon name="plus" size={18} />
            Upload
          </Link>
        )}
        <ThemeMenu />
        {session.status === 'in' && <AccountMenu session={session.session} />}
        {session.status === 'out' && path.startsWith('/watch/') && (
          <Link
            className="button button-quiet"
            href={`/signin?${new URLSearchParams({ next: path }).toString()}`}
          >
            Sign in
          </Link>
        )}
      </div>
    </header>
  );
}

/** Said only when the live updates have been away for a while. */
function FeedState() {
  const connected = useStore(feedConnected, (value) => value);
  if (connected) return null;
  return (
    <span className="feed-state small" role="status">
      <span className="spinner" aria-hidden="true" />
      Reconnecting
    </span>
  );
}
