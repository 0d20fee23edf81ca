import { useId, useState } from 'react';
import { updateAsset } from '../api/calls';
import type { Asset } from '../api/types';
import { rememberAssets } from '../catalogue/assets';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { TITLE_CHARS_MAX } from '../upload/transfer';
import { FormError } from '../ui/FormError';
import { useAction } from '../ui/useAction';

export function RenameDialog({ asset, onClose }: { asset: Asset; onClose: () => void }) {
  const [title, setTitle] = useState(asset.title);
  const { busy, error, run } = useAction();
  const id = useId();
  const wanted = title.trim();
  const save = () =>
    run(async () => {
      rememberAssets([await updateAsset(asset.id, { title: wanted })]);
      onClose();
    });
  return (
    <Dialog title="Rename" onClose={onClose} testId="rename-dialog">
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <div className="form-field">
          <label htmlFor={id}>Title</label>
          <input
            id={id}
            className="field"
            value={title}
            maxLength={TITLE_CHARS_MAX}
            required
            data-initial-focus
            onFocus={(event) => event.target.select()}
            onChange={(event) => setTitle(event.target.value)}
          />
        </div>
        <FormError text={error} />
        <div className="form-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={wanted === '' || wanted === asset.title}>
            Rename
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
