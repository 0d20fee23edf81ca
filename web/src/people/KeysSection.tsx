import { useState } from 'react';
import { createKey, listKeys, revokeKey } from '../api/calls';
import type { ApiKey, NewApiKey, Role, Scope } from '../api/types';
import { timeAgo } from '../text/format';
import { Button, IconButton } from '../ui/Button';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { CopyField } from '../ui/CopyField';
import { Dialog } from '../ui/Dialog';
import { TextField } from '../ui/TextField';
import { useAction } from '../ui/useAction';
import { useNow } from '../ui/useNow';
import { usePages } from '../ui/usePages';
import { PagedTable } from './PagedTable';
import { RoleChoices } from './RoleChoices';
import { FormDialog } from './UserDialogs';
import { keyState, ROLE_LABELS, SCOPE_WORDS, scopesText } from './words';

type Open =
  { dialog: 'new' } | { dialog: 'made'; made: NewApiKey } | { dialog: 'revoke'; key: ApiKey } | null;

const SCOPES = Object.keys(SCOPE_WORDS) as Scope[];
const TAGS = { active: null, expired: 'Expired', revoked: 'Revoked' };

export function KeysSection({ roles }: { roles: readonly Role[] }) {
  const pages = usePages(listKeys);
  const [open, setOpen] = useState<Open>(null);
  const now = useNow();
  const close = () => setOpen(null);
  const made = (key: NewApiKey) => {
    setOpen({ dialog: 'made', made: key });
    pages.reload();
  };
  return (
    <section className="people-section" aria-labelledby="keys-heading">
      <div className="people-head">
        <h2 id="keys-heading">API keys</h2>
        <Button icon="plus" onClick={() => setOpen({ dialog: 'new' })} data-testid="add-key">
          Make a key
        </Button>
      </div>
      <PagedTable
        pages={pages}
        label="API keys"
        heads={['Name', 'Role', 'May', 'Last used', 'Actions']}
        testId="keys"
        row={(key) => {
          const state = keyState(key, now);
          return (
            <tr key={key.id} data-key={key.name} className={state === 'active' ? '' : 'row-off'}>
              <th scope="row">{key.name}</th>
              <td>
                {ROLE_LABELS[key.role]}
                {TAGS[state] !== null && <span className="tag">{TAGS[state]}</span>}
              </td>
              <td className="soft">{scopesText(key.scopes)}</td>
              <td className="soft">{key.last_used_ms === null ? 'Never' : timeAgo(key.last_used_ms, now)}</td>
              <td>
                {state === 'active' && roles.includes(key.role) && (
                  <IconButton
                    icon="trash"
                    label={`Revoke ${key.name}`}
                    onClick={() => setOpen({ dialog: 'revoke', key })}
                  />
                )}
              </td>
            </tr>
          );
        }}
      />
      {open?.dialog === 'new' && <NewKeyDialog roles={roles} onMade={made} onClose={close} />}
      {open?.dialog === 'made' && <MadeDialog made={open.made} onClose={close} />}
      {open?.dialog === 'revoke' && <RevokeDialog apiKey={open.key} onDone={pages.reload} onClose={close} />}
    </section>
  );
}

interface NewKeyDialogProps {
  roles: readonly Role[];
  onMade: (key: NewApiKey) => void;
  onClose: () => void;
}

function NewKeyDialog({ roles, onMade, onClose }: NewKeyDialogProps) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('creator');
  const [scopes, setScopes] = useState<readonly Scope[]>(SCOPES);
  const toggle = (scope: Scope) =>
    setScopes(SCOPES.filter((known) => (known === scope ? !scopes.includes(scope) : scopes.includes(known))));
  const work = async () => {
    const narrowed = scopes.length < SCOPES.length ? { scopes: [...scopes] } : {};
    return createKey({ name: name.trim(), role, ...narrowed });
  };
  return (
    <FormDialog title="Make an API key" action="Make" work={work} onDone={onMade} onClose={onClose}>
      <TextField
        label="Name"
        hint="What it is for, such as the program that uses it."
        value={name}
        onValue={setName}
        maxLength={100}
        required
        data-initial-focus
        data-testid="key-name"
      />
      <RoleChoices roles={roles} value={role} onValue={setRole} />
      <fieldset className="choices">
        <legend className="choices-legend">May</legend>
        {SCOPES.map((scope) => (
          <label key={scope} className="choice">
            <input type="checkbox" checked={scopes.includes(scope)} onChange={() => toggle(scope)} />
            {SCOPE_WORDS[scope]}
          </label>
        ))}
      </fieldset>
    </FormDialog>
  );
}

function MadeDialog({ made, onClose }: { made: NewApiKey; onClose: () => void }) {
  return (
    <Dialog title="The key is made" onClose={onClose} testId="made-dialog">
      <p className="soft">Copy it now: it is shown this once and cannot be read again.</p>
      <CopyField label="API key" value={made.key} testId="made-key" />
      <div className="form-actions">
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </Dialog>
  );
}

function RevokeDialog({
  apiKey,
  onDone,
  onClose,
}: {
  apiKey: ApiKey;
  onDone: () => void;
  onClose: () => void;
}) {
  const { busy, error, run } = useAction();
  return (
    <ConfirmDialog
      title={`Revoke ${apiKey.name}?`}
      text="Whatever uses this key is refused from now on. A key cannot be brought back."
      action="Revoke"
      busy={busy}
      error={error}
      onConfirm={() =>
        run(async () => {
          await revokeKey(apiKey.id);
          onDone();
          onClose();
        })
      }
      onClose={onClose}
    />
  );
}
