import { useRef, useState } from 'react';
import { createWebhook } from '../api/calls';
import { freshName } from '../api/fresh';
import type { RevealedWebhook } from '../api/types';
import { Dialog } from '../ui/Dialog';
import { Form } from '../ui/Form';
import { TextField } from '../ui/TextField';
import { KIND_WORDS } from './words';

interface NewWebhookDialogProps {
  onClose: () => void;
  onMade: (webhook: RevealedWebhook) => void;
}

const ALL_KINDS = Object.keys(KIND_WORDS);

export function NewWebhookDialog({ onClose, onMade }: NewWebhookDialogProps) {
  const [url, setUrl] = useState('');
  const [description, setDescription] = useState('');
  const [kinds, setKinds] = useState<readonly string[]>(ALL_KINDS);
  // One key for all presses of the button: an answer that was lost makes no second webhook.
  const key = useRef({ request: '', key: '' });
  const keyOf = (request: string) => {
    if (key.current.request !== request) key.current = { request, key: freshName() };
    return key.current.key;
  };
  const save = async () => {
    const wish = { url: url.trim(), description: description.trim(), kinds: [...kinds] };
    onMade(await createWebhook(wish, keyOf(JSON.stringify(wish))));
  };
  const toggle = (kind: string) =>
    setKinds((before) =>
      before.includes(kind) ? before.filter((known) => known !== kind) : [...before, kind],
    );
  return (
    <Dialog title="Add a webhook" onClose={onClose} testId="new-webhook">
      <Form
        action="Add"
        work={save}
        onCancel={onClose}
        disabled={url.trim() === '' || kinds.length === 0}
        testId="submit"
      >
        <TextField
          label="Address"
          type="url"
          value={url}
          onValue={setUrl}
          maxLength={2048}
          placeholder="https://example.com/nexus"
          required
          data-initial-focus
        />
        <TextField
          label="What it is for (optional)"
          value={description}
          onValue={setDescription}
          maxLength={200}
        />
        <fieldset className="choices">
          <legend className="choices-legend">Tell it when</legend>
          {ALL_KINDS.map((kind) => (
            <label key={kind} className="choice">
              <input type="checkbox" checked={kinds.includes(kind)} onChange={() => toggle(kind)} />
              {KIND_WORDS[kind]}
              <small className="code">{kind}</small>
            </label>
          ))}
        </fieldset>
      </Form>
    </Dialog>
  );
}
