import { useEffect, useState } from 'react';
import { checkSetup, createOwner } from '../api/calls';
import { Problem, reasonOf } from '../api/problem';
import { checked, NOTHING_TYPED, PasswordPair } from '../people/PasswordPair';
import { checkSession } from '../session/session';
import { Logo } from '../shell/Logo';
import { PageSpinner } from '../shell/pages';
import { Link, navigate } from '../state/router';
import { Button } from '../ui/Button';
import { Form } from '../ui/Form';
import { Notice } from '../ui/Notice';
import { TextField } from '../ui/TextField';
import { usePageTitle } from '../ui/usePageTitle';

type State = { link: 'checking' | 'good' | 'gone' } | { link: 'unknown'; reason: string };

/** The first page of a new server: whoever started it names it and themselves. */
export default function SetupPage({ secret }: { secret: string }) {
  usePageTitle('Set up');
  const [state, setState] = useState<State>({ link: 'checking' });
  useEffect(() => {
    checkSetup(secret).then(
      () => setState({ link: 'good' }),
      (error: unknown) => {
        const gone = error instanceof Problem && error.status === 410;
        setState(gone ? { link: 'gone' } : { link: 'unknown', reason: reasonOf(error) });
      },
    );
  }, [secret]);
  if (state.link === 'checking') return <PageSpinner />;
  if (state.link === 'gone') return <Gone />;
  if (state.link === 'unknown') {
    return (
      <Notice icon="alert" title="The link could not be checked">
        <p>{state.reason}</p>
        <Button look="primary" icon="replay" onClick={() => location.reload()}>
          Try again
        </Button>
      </Notice>
    );
  }
  return <SetupForm secret={secret} onGone={() => setState({ link: 'gone' })} />;
}

function Gone() {
  return (
    <Notice icon="lock" title="This link no longer works">
      <p>It was used, replaced by a newer one, or is more than a day old.</p>
      <p className="soft">While nobody owns this server, starting it again prints a fresh link.</p>
      <Link className="button button-primary" href="/">
        Sign in
      </Link>
    </Notice>
  );
}

function SetupForm({ secret, onGone }: { secret: string; onGone: () => void }) {
  const [tenant, setTenant] = useState('');
  const [name, setName] = useState('');
  const [typed, setTyped] = useState(NOTHING_TYPED);
  const submit = async () => {
    const password = checked(typed);
    try {
      await createOwner({ secret, tenant: tenant.trim(), name: name.trim(), password });
    } catch (failure) {
      if (!(failure instanceof Problem && failure.status === 410)) throw failure;
      onGone();
      return;
    }
    await checkSession();
    navigate('/', { replace: true });
  };
  return (
    <section className="sign-in">
      <div className="sign-in-brand">
        <Logo size={64} />
        <h1>Set up Nexus</h1>
        <p className="soft">
          Name this place and its owner. You are signed in afterwards and can add others.
        </p>
      </div>
      <Form action="Set up" work={submit} testId="set-up" wide>
        <TextField
          label="Name of this place"
          placeholder="Our studio"
          value={tenant}
          onValue={setTenant}
          maxLength={100}
          autoComplete="organization"
          required
          autoFocus
          data-testid="tenant-name"
        />
        <TextField
          label="Your e-mail or user name"
          value={name}
          onValue={setName}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          data-testid="owner-name"
        />
        <PasswordPair value={typed} onValue={setTyped} />
      </Form>
    </section>
  );
}
