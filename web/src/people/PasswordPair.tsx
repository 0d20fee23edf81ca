import { Problem } from '../api/problem';
import { TextField } from '../ui/TextField';
import { PASSWORD_CHARS_MIN, passwordProblem } from './words';

export interface Typed {
  password: string;
  again: string;
}

export const NOTHING_TYPED: Typed = { password: '', again: '' };

/** The password that was typed twice; throws what the server would answer to it. */
export function checked({ password, again }: Typed): string {
  const problem = passwordProblem(password, again);
  if (problem !== null) throw new Problem(422, problem);
  return password;
}

/** A new password, typed twice. */
export function PasswordPair({ value, onValue }: { value: Typed; onValue: (typed: Typed) => void }) {
  const shared = { type: 'password', autoComplete: 'new-password', required: true };
  return (
    <>
      <TextField
        {...shared}
        label="New password"
        hint={`At least ${PASSWORD_CHARS_MIN} characters; a few words are easy to keep in mind.`}
        value={value.password}
        onValue={(password) => onValue({ ...value, password })}
        data-testid="new-password"
      />
      <TextField
        {...shared}
        label="The same again"
        value={value.again}
        onValue={(again) => onValue({ ...value, again })}
        data-testid="new-password-again"
      />
    </>
  );
}
