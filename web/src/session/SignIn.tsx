import { useId, useState } from 'react';
import { Problem } from '../api/problem';
import { navigate } from '../state/router';
import { Button } from '../ui/Button';
import { FormError } from '../ui/FormError';
import { useAction } from '../ui/useAction';
import { usePageTitle } from '../ui/usePageTitle';
import { Logo } from '../shell/Logo';
import { nextPath } from './nextPath';
import { signIn } from './session';

async function signInWithWords(key: string): Promise<void> {
  try {
    await signIn(key);
  } catch (error) {
    if (error instanceof Problem && error.status === 401) {
      throw new Problem(401, 'This key is not known. It may be mistyped or revoked.');
    }
    throw error;
  }
}

export function SignIn() {
  usePageTitle('Sign in');
  const [key, setKey] = useState('');
  const { busy, error, run } = useAction();
  const id = useId();
  const submit = () =>
    run(async () => {
      await signInWithWords(key);
      if (location.pathname === '/signin') navigate(nextPath(location.search), { replace: true });
    });
  return (
    <section className="sign-in">
      <div className="sign-in-brand">
        <Logo size={64} />
        <h1>Sign in to Nexus</h1>
      </div>
      <form
        className="form sign-in-form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <div className="form-field">
          <label htmlFor={id}>API key</label>
          <input
            id={id}
            className="field code"
            type="password"
            autoComplete="current-password"
            placeholder="nx_…"
            spellCheck={false}
            required
            autoFocus
            value={key}
            data-testid="api-key"
            onChange={(event) => setKey(event.target.value)}
          />
        </div>
        <FormError text={error} />
        <Button type="submit" look="primary" busy={busy} disabled={key.trim() === ''} data-testid="sign-in">
          Sign in
        </Button>
      </form>
      <div className="sign-in-help small soft">
        <p>The first key was printed when the server first started. To make another, run on the server:</p>
        <code className="code-block">nexus key create --role owner</code>
      </div>
    </section>
  );
}
