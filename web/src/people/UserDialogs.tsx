import { useState, type ReactNode } from 'react';
import { createUser, resetPassword, updateUser } from '../api/calls';
import type { Role, User } from '../api/types';
import { Dialog } from '../ui/Dialog';
import { Form } from '../ui/Form';
import { TextField } from '../ui/TextField';
import { toast } from '../ui/toasts';
import { checked, NOTHING_TYPED, PasswordPair } from './PasswordPair';
import { RoleChoices } from './RoleChoices';

interface DialogProps {
  onDone: () => void;
  onClose: () => void;
}

interface FormDialogProps<T> {
  title: string;
  /** The word on the button that does it. */
  action: string;
  work: () => Promise<T>;
  onDone: (result: T) => void;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog with a form that does one thing and closes when it is done. */
export function FormDialog<T>({ title, action, work, onDone, onClose, children }: FormDialogProps<T>) {
  const finish = async () => onDone(await work());
  return (
    <Dialog title={title} onClose={onClose} testId="form-dialog">
      <Form action={action} work={finish} onCancel={onClose} testId="submit">
        {children}
      </Form>
    </Dialog>
  );
}

export function NewUserDialog({ roles, ...rest }: DialogProps & { roles: readonly Role[] }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [typed, setTyped] = useState(NOTHING_TYPED);
  const work = async () => {
    const user = await createUser({ name: name.trim(), role, password: checked(typed) });
    toast(`${user.name} can sign in now.`, 'good');
  };
  return (
    <FormDialog title="Add a person" action="Add" work={work} {...rest}>
      <TextField
        label="E-mail or user name"
        value={name}
        onValue={setName}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        required
        data-initial-focus
        data-testid="person-name"
      />
      <RoleChoices roles={roles} value={role} onValue={setRole} />
      <PasswordPair value={typed} onValue={setTyped} />
    </FormDialog>
  );
}

export function RoleDialog({ user, roles, ...rest }: DialogProps & { user: User; roles: readonly Role[] }) {
  const [role, setRole] = useState(user.role);
  const work = () => updateUser(user.id, { role });
  return (
    <FormDialog title={`Role of ${user.name}`} action="Change" work={work} {...rest}>
      <RoleChoices roles={roles} value={role} onValue={setRole} />
    </FormDialog>
  );
}

export function ResetPasswordDialog({ user, ...rest }: DialogProps & { user: User }) {
  const [typed, setTyped] = useState(NOTHING_TYPED);
  const work = async () => {
    await resetPassword(user.id, checked(typed));
    toast(`${user.name} has a new password and is signed out everywhere.`, 'good');
  };
  return (
    <FormDialog title={`New password for ${user.name}`} action="Set password" work={work} {...rest}>
      <PasswordPair value={typed} onValue={setTyped} />
    </FormDialog>
  );
}
