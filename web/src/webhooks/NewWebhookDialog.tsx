import { useId, useRef, useState } from 'react';
import { createWebhook } from '../api/calls';
import type { RevealedWebhook } from '../api/types';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { FormError } from '../ui/FormError';
import { useAction } from '../ui/useAction';
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
  const { busy, error, run } = useAction();
  const [urlId, descriptionId] = [useId(), useId()];
  // One key for all presses of the button: an answer that was lost makes no second webhook.
  const key = useRef({ request: '', key: '' });
  const keyOf = (request: string) => {
    if (key.current.request !== request) key.current = { request, key: crypto.randomUUID() };
    return key.current.key;
  };
  const save = () =>
    run(async () => {
      const wish = { url: url.trim(), description: description.trim(), kinds: [...kinds] };
      onMade(await createWebhook(wish, keyOf(JSON.stringify(wish))));
    });
  const toggle = (kind: string) =>
    setKinds((before) =>
      before.includes(kind) ? before.filter((known) => known !== kind) : [...before, kind],
    );
  return (
    <Dialog title="Add a webhook" onClose={onClose} testId="new-webhook">
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <div className="form-field">
          <label htmlFor={urlId}>Address</label>
          <input
            id={urlId}
            type="url"
            className="field"
            value={url}
            maxLength={2048}
            placeholder="https://example.com/nexus"
            required
            data-initial-focus
            onChange={(event) => setUrl(event.target.value)}
          />
        </div>
        <div className="form-field">
          <label htmlFor={descriptionId}>What it is for (optional)</label>
          <input
            id={descriptionId}
            className="field"
            value={description}
            maxLength={200}
            onChange={(event) => setDescription(event.target.value)}
          />
        </div>
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
        <FormError text={error} />
        <div className="form-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={url.trim() === '' || kinds.length === 0}>
            Add
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
