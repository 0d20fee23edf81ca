import { useEffect } from 'react';
import { checkSession } from '../session/session';
import { nextPath } from '../session/nextPath';
import { Link, navigate } from '../state/router';
import { Button } from '../ui/Button';
import { Notice } from '../ui/Notice';
import { usePageTitle } from '../ui/usePageTitle';

export function MissingPage() {
  usePageTitle('Not found');
  return (
    <Notice icon="film" title="This reel is missing">
      <p>There is no page at this address.</p>
      <Link className="button button-primary" href="/">
        To the library
      </Link>
    </Notice>
  );
}

export function NotForYou() {
  usePageTitle('Not allowed');
  return (
    <Notice icon="lock" title="This page is for administrators">
      <p>Ask an administrator for what you need here.</p>
      <Link className="button button-primary" href="/">
        To the library
      </Link>
    </Notice>
  );
}

export function Unreachable() {
  return (
    <Notice icon="alert" title="The server cannot be reached">
      <p>Check that it is running and that you are connected.</p>
      <Button look="primary" icon="replay" onClick={() => void checkSession()}>
        Try again
      </Button>
    </Notice>
  );
}

export function PageSpinner() {
  return (
    <div className="page-spinner" role="status" aria-label="Loading">
      <span className="spinner" />
    </div>
  );
}

/** Leaves the sign-in page of someone who is signed in. */
export function Redirect() {
  useEffect(() => navigate(nextPath(location.search), { replace: true }), []);
  return null;
}
