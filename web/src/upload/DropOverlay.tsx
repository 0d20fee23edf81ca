import { useEffect, useState } from 'react';
import { Icon } from '../ui/Icon';
import { toast } from '../ui/toasts';
import { carriesFiles, droppedFiles } from './droppedFiles';
import { uploadFiles } from './useUploads';

function take(event: DragEvent): void {
  if (!event.dataTransfer) return;
  const { files, folders } = droppedFiles(event.dataTransfer);
  if (folders > 0) toast('Folders are not uploaded. Drop the files in them instead.', 'bad');
  if (files.length > 0) uploadFiles(files);
}

/** Makes the whole window a place to drop files on, and says so while something hovers. */
export function DropOverlay({ enabled }: { enabled: boolean }) {
  const [depth, setDepth] = useState(0);
  useEffect(() => {
    if (!enabled) return;
    const on = (kind: 'dragenter' | 'dragleave' | 'dragover' | 'drop', react: (event: DragEvent) => void) => {
      const listener = (event: DragEvent) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        react(event);
      };
      addEventListener(kind, listener);
      return () => removeEventListener(kind, listener);
    };
    const stops = [
      on('dragenter', () => setDepth((at) => at + 1)),
      on('dragleave', () => setDepth((at) => Math.max(0, at - 1))),
      on('dragover', () => undefined),
      on('drop', (event) => {
        setDepth(0);
        take(event);
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }, [enabled]);

  if (!enabled || depth === 0) return null;
  return (
    <div className="drop-overlay" data-testid="drop-overlay">
      <div className="drop-frame">
        <Icon name="upload" size={48} />
        <strong>Drop to upload</strong>
      </div>
    </div>
  );
}
