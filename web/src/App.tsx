import { lazy, Suspense, useEffect, useRef } from 'react';
import { useFeed } from './catalogue/assets';
import { LibraryPage } from './library/LibraryPage';
import { checkSession, mayAdminister, mayCreate, useSession, verifySession } from './session/session';
import { SignIn } from './session/SignIn';
import { Header } from './shell/Header';
import { MissingPage, NotForYou, PageSpinner, Redirect, Unreachable } from './shell/pages';
import { routeOf, usePath, type Route } from './state/router';
import { Announcer } from './upload/Announcer';
import { DropOverlay } from './upload/DropOverlay';
import { FileInput } from './upload/FileInput';
import { UploadPage } from './upload/UploadPage';
import { UploadTray } from './upload/UploadTray';
import { useUploadGuards } from './upload/useUploads';
import { ErrorBoundary } from './ui/ErrorBoundary';
import { Toasts } from './ui/Toasts';

/** Screens on which the open list of uploads would cover the page. */
const NARROW = '(max-width: 640px)';

const WatchPage = lazy(() => import('./watch/WatchPage'));
const OperationsPage = lazy(() => import('./operations/OperationsPage'));
const EmbedPage = lazy(() => import('./watch/EmbedPage'));
const SetupPage = lazy(() => import('./setup/SetupPage'));
const PeoplePage = lazy(() => import('./people/PeoplePage'));
const AuditPage = lazy(() => import('./people/AuditPage'));
const AccountPage = lazy(() => import('./account/AccountPage'));
const LiveWatchPage = lazy(() => import('./live/LiveWatchPage'));
const ChannelsPage = lazy(() => import('./channels/ChannelsPage'));
const RoomPage = lazy(() => import('./channels/RoomPage'));
const WebhooksPage = lazy(() => import('./webhooks/WebhooksPage'));

export function App() {
  const path = usePath();
  const route = routeOf(path);
  return (
    <ErrorBoundary resetKey={path}>
      {route.page === 'embed' ? (
        <Suspense>
          <EmbedPage id={route.id} />
        </Suspense>
      ) : (
        <Site route={route} path={path} />
      )}
      <Toasts />
    </ErrorBoundary>
  );
}

function Site({ route, path }: { route: Route; path: string }) {
  const session = useSession();
  const signedIn = session.status === 'in';
  useEffect(() => void checkSession(), []);
  useFeed(signedIn, verifySession);
  useUploadGuards();
  const main = useFocusOnNavigation(path);
  const creator = mayCreate(session);
  return (
    <>
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <Header />
      <main ref={main} id="main" tabIndex={-1}>
        <ErrorBoundary resetKey={path}>
          <Suspense fallback={<PageSpinner />}>
            <Page route={route} />
          </Suspense>
        </ErrorBoundary>
      </main>
      {creator && route.page !== 'upload' && (
        <UploadTray startFolded={isFull(route) || matchMedia(NARROW).matches} />
      )}
      {creator && <DropOverlay enabled />}
      <FileInput />
      <Announcer />
    </>
  );
}

/** Whether the page needs the whole screen for a picture. */
const isFull = ({ page }: Route): boolean => page === 'watch' || page === 'live' || page === 'room';

function Page({ route }: { route: Route }) {
  const session = useSession();
  if (route.page === 'watch') return <WatchPage key={route.id} id={route.id} />;
  if (route.page === 'live') return <LiveWatchPage key={route.id} id={route.id} />;
  if (route.page === 'missing') return <MissingPage />;
  if (route.page === 'setup') return <SetupPage secret={route.secret} />;
  if (session.status === 'checking') return <PageSpinner />;
  if (session.status === 'unreachable') return <Unreachable />;
  if (session.status === 'out') return <SignIn />;
  if (route.page === 'signin') return <Redirect />;
  if (route.page === 'channels') return <ChannelsPage />;
  if (route.page === 'room') return <RoomPage key={route.id} id={route.id} />;
  if (route.page === 'account') return <AccountPage session={session.session} />;
  if (
    route.page === 'people' ||
    route.page === 'audit' ||
    route.page === 'operations' ||
    route.page === 'webhooks'
  ) {
    if (!mayAdminister(session)) return <NotForYou />;
    if (route.page === 'operations') return <OperationsPage />;
    if (route.page === 'webhooks') return <WebhooksPage />;
    return route.page === 'people' ? <PeoplePage session={session.session} /> : <AuditPage />;
  }
  return route.page === 'upload' ? <UploadPage /> : <LibraryPage />;
}

/** After a change of page the focus starts at the content, as it would after a load. */
function useFocusOnNavigation(path: string) {
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    main.current?.focus({ preventScroll: true });
  }, [path]);
  return main;
}
