import { useState } from 'react';
import { listUsers, updateUser } from '../api/calls';
import { reasonOf } from '../api/problem';
import type { Role, User } from '../api/types';
import { timeAgo } from '../text/format';
import { Button } from '../ui/Button';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { Icon } from '../ui/Icon';
import { Menu, MenuItem } from '../ui/Menu';
import { toast } from '../ui/toasts';
import { useAction } from '../ui/useAction';
import { useNow } from '../ui/useNow';
import { usePages } from '../ui/usePages';
import { PagedTable } from './PagedTable';
import { NewUserDialog, ResetPasswordDialog, RoleDialog } from './UserDialogs';
import { ROLE_LABELS } from './words';

type Open = { dialog: 'new' } | { dialog: 'role' | 'password' | 'disable'; user: User } | null;

export function UsersSection({ roles }: { roles: readonly Role[] }) {
  const pages = usePages(listUsers);
  const [open, setOpen] = useState<Open>(null);
  const now = useNow();
  const close = () => setOpen(null);
  const changed = () => {
    close();
    pages.reload();
  };
  return (
    <section className="people-section" aria-labelledby="people-heading">
      <div className="people-head">
        <h2 id="people-heading">People</h2>
        <Button
          look="primary"
          icon="plus"
          onClick={() => setOpen({ dialog: 'new' })}
          data-testid="add-person"
        >
          Add a person
        </Button>
      </div>
      <PagedTable
        pages={pages}
        label="People"
        heads={['Name', 'Role', 'Last here', 'Actions']}
        testId="people"
        row={(user) => (
          <tr key={user.id} data-user={user.name} className={user.disabled_ms === null ? '' : 'row-off'}>
            <th scope="row">{user.name}</th>
            <td>
              {ROLE_LABELS[user.role]}
              {user.disabled_ms !== null && <span className="tag">Disabled</span>}
            </td>
            <td className="soft">
              {user.last_sign_in_ms === null ? 'Never' : timeAgo(user.last_sign_in_ms, now)}
            </td>
            <td>
              {roles.includes(user.role) && <UserMenu user={user} onOpen={setOpen} onChanged={changed} />}
            </td>
          </tr>
        )}
      />
      {open?.dialog === 'new' && <NewUserDialog roles={roles} onDone={changed} onClose={close} />}
      {open?.dialog === 'role' && (
        <RoleDialog user={open.user} roles={roles} onDone={changed} onClose={close} />
      )}
      {open?.dialog === 'password' && (
        <ResetPasswordDialog user={open.user} onDone={changed} onClose={close} />
      )}
      {open?.dialog === 'disable' && <DisableDialog user={open.user} onDone={changed} onClose={close} />}
    </section>
  );
}

interface UserMenuProps {
  user: User;
  onOpen: (open: Open) => void;
  onChanged: () => void;
}

function UserMenu({ user, onOpen, onChanged }: UserMenuProps) {
  const enable = () =>
    void updateUser(user.id, { disabled: false }).then(onChanged, (error: unknown) =>
      toast(reasonOf(error), 'bad'),
    );
  return (
    <Menu label={`Actions for ${user.name}`} button={<Icon name="more" />} testId="person-menu">
      <MenuItem icon="pencil" onSelect={() => onOpen({ dialog: 'role', user })}>
        Change role…
      </MenuItem>
      <MenuItem icon="key" onSelect={() => onOpen({ dialog: 'password', user })}>
        Reset password…
      </MenuItem>
      {user.disabled_ms === null ? (
        <MenuItem icon="lock" danger onSelect={() => onOpen({ dialog: 'disable', user })}>
          Disable…
        </MenuItem>
      ) : (
        <MenuItem icon="check" onSelect={enable}>
          Enable
        </MenuItem>
      )}
    </Menu>
  );
}

function DisableDialog({ user, onDone, onClose }: { user: User; onDone: () => void; onClose: () => void }) {
  const { busy, error, run } = useAction();
  return (
    <ConfirmDialog
      title={`Disable ${user.name}?`}
      text="They are signed out everywhere at once and cannot sign in until they are enabled again."
      action="Disable"
      keep="Cancel"
      busy={busy}
      error={error}
      onConfirm={() =>
        run(async () => {
          await updateUser(user.id, { disabled: true });
          onDone();
        })
      }
      onClose={onClose}
    />
  );
}
