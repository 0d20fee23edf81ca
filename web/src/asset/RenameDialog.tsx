import { useId, useState } from 'react';
import { updateAsset } from '../api/calls';
import type { Asset } from '../api/types';
import { rememberAssets } from '../catalogue/assets';
import { Dialog } from '../ui/Dialog';
import { TITLE_CHARS_MAX } from '../upload/transfer';
import { Form } from '../ui/Form';

export function RenameDialog({ asset, onClose }: { asset: Asset; onClose: () => void }) {
  const [title, setTitle] = useState(asset.title);
  const id = useId();
  const wanted = title.trim();
  const save = async () => {
    rememberAssets([await updateAsset(asset.id, { title: wanted })]);
    onClose();
  };
  return (
    <Dialog title="Rename" onClose={onClose} testId="rename-dialog">
      <Form action="Rename" work={save} disabled={wanted === '' || wanted === asset.title} onCancel={onClose}>
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
      </Form>
    </Dialog>
  );
}
