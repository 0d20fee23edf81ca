import { useId } from 'react';
import type { Role } from '../api/types';
import { ROLE_LABELS, ROLE_WORDS } from './words';

interface RoleChoicesProps {
  roles: readonly Role[];
  value: Role;
  onValue: (role: Role) => void;
}

export function RoleChoices({ roles, value, onValue }: RoleChoicesProps) {
  const name = useId();
  return (
    <fieldset className="choices">
      <legend className="choices-legend">Role</legend>
      {roles.map((role) => (
        <label key={role} className="choice">
          <input type="radio" name={name} checked={role === value} onChange={() => onValue(role)} />
          {ROLE_LABELS[role]}
          <small>{ROLE_WORDS[role]}</small>
        </label>
      ))}
    </fieldset>
  );
}
