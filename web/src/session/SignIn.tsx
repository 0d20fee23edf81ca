import { useState } from 'react';
import type { Credentials } from '../api/calls';
import { Problem } from '../api/problem';
import { navigate } from '../state/router';
import { Form } from '../ui/Form';
import { TextField } from '../ui/TextField';
import { usePageTitle } from '../ui/usePageTitle';
import { Logo } from '../shell/Logo';
import { nextPath } from './nextPath';
import { signIn } from './session';

/** The words for a credential that was refused. */
function refusal(credentials: Credentials): string {
  return 'key' in credentials
    ? 'This key is not known. It may be mistyped, revoked or expired.'
    : 'Name and password do not belong together, or the account is disabled.';
}

async function signInWithWords(credentials: Credentials): Promise<void> {
  try {
    await signIn(credentials);
  } catch (error) {
    if (error instanceof Problem && error.status === 401) throw new Problem(401, refusal(credentials));
    throw error;
  }
}

/** Signs in and goes to where the visitor was headed. */
async function enter(credentials: Credentials): Promise<void> {
  await signInWithWords(credentials);
  if (location.pathname === '/signin') navigate(nextPath(location.search), { replace: true });
}

export function SignIn() {
  usePageTitle('Sign in');
  const [byKey, setByKey] = useState(false);
  return (
    <section className="sign-in">
      <div className="sign-in-brand">
        <Logo size={64} />
        <h1>Sign in to Nexus</h1>
      </div>
      {byKey ? <KeyForm /> : <PasswordForm />}
      <div className="sign-in-help small soft">
        <button
          type="button"
          className="text-button"
          data-testid="other-sign-in"
          onClick={() => setByKey(!byKey)}
        >
          {byKey ? 'Sign in with a name and password' : 'Sign in with an API key'}
        </button>
        <p>
          Nobody here yet? The server prints a link to set it up when it starts. Whoever runs it can also add
          people:
        </p>
        <code className="code-block">nexus user create NAME --role owner</code>
      </div>
    </section>
  );
}

function PasswordForm() {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  return (
    <Form
      action="Sign in"
      work={() => enter({ name: name.trim(), password })}
      disabled={name.trim() === '' || password === ''}
      testId="sign-in"
      wide
    >
      <TextField
        label="E-mail or user name"
        value={name}
        onValue={setName}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        required
        autoFocus
        data-testid="user-name"
      />
      <TextField
        label="Password"
        value={password}
        onValue={setPassword}
        type="password"
        autoComplete="current-password"
        required
        data-testid="password"
      />
    </Form>
  );
}

function KeyForm() {
  const [key, setKey] = useState('');
  return (
    <Form
      action="Sign in"
      work={() => enter({ key: key.trim() })}
      disabled={key.trim() === ''}
      testId="sign-in"
      wide
    >
      <TextField
        label="API key"
        value={key}
        onValue={setKey}
        code
        type="password"
        autoComplete="off"
        placeholder="nx_…"
        spellCheck={false}
        required
        autoFocus
        data-testid="api-key"
      />
    </Form>
  );
}
