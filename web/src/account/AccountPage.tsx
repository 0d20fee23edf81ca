import { useState } from 'react';
import { changePassword } from '../api/calls';
import type { Session } from '../api/types';
import { checked, NOTHING_TYPED, PasswordPair } from '../people/PasswordPair';
import { ROLE_LABELS } from '../people/words';
import { signOutEverywhere } from '../session/session';
import { navigate } from '../state/router';
import { Button } from '../ui/Button';
import { Form } from '../ui/Form';
import { FormError } from '../ui/FormError';
import { TextField } from '../ui/TextField';
import { toast } from '../ui/toasts';
import { useAction } from '../ui/useAction';
import { usePageTitle } from '../ui/usePageTitle';
import '../styles/people.css';

/** Who one is here, and what one may change about it. */
export default function AccountPage({ session }: { session: Session }) {
  usePageTitle('Account');
  return (
    <div className="page page-narrow people">
      <div>
        <h1 className="page-title">Account</h1>
        <p className="soft">
          {session.name}, {ROLE_LABELS[session.role].toLowerCase()} at {session.tenant.name}
        </p>
      </div>
      {session.user !== null && <PasswordSection name={session.name} />}
      <EverywhereSection />
    </div>
  );
}

function PasswordSection({ name }: { name: string }) {
  const [current, setCurrent] = useState('');
  const [typed, setTyped] = useState(NOTHING_TYPED);
  const save = async () => {
    await changePassword(current, checked(typed));
    setCurrent('');
    setTyped(NOTHING_TYPED);
    toast('The password is changed. Other browsers are signed out.', 'good');
  };
  return (
    <section className="people-section" aria-labelledby="password-heading">
      <h2 id="password-heading">Change the password</h2>
      <Form action="Change the password" work={save} testId="change-password">
        {/* Password keepers need to know whose it is. */}
        <input type="text" hidden autoComplete="username" value={name} readOnly />
        <TextField
          label="Present password"
          value={current}
          onValue={setCurrent}
          type="password"
          autoComplete="current-password"
          required
          data-testid="present-password"
        />
        <PasswordPair value={typed} onValue={setTyped} />
      </Form>
    </section>
  );
}

function EverywhereSection() {
  const { busy, error, run } = useAction();
  const leave = () =>
    run(async () => {
      await signOutEverywhere();
      navigate('/');
    });
  return (
    <section className="people-section" aria-labelledby="everywhere-heading">
      <h2 id="everywhere-heading">Sign out everywhere</h2>
      <p className="soft">Ends every session, in this browser and all others.</p>
      <FormError text={error} />
      <div>
        <Button icon="signOut" busy={busy} onClick={leave} data-testid="sign-out-everywhere">
          Sign out everywhere
        </Button>
      </div>
    </section>
  );
}
